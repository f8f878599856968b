"""A trained network at work: prediction, test-time augmentation, sliding windows, the optimised model, export.

Importing it starts one thread that watches the machine's load (`machine.py`).
"""

from segnext_edu.machine import watch_load

watch_load()
