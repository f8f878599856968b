"""Memory that a process has freed, and may keep for what it asks for next.

Linux's C library gives a large piece back to the system as soon as it is freed. Asked for again, it comes page by page,
each filled with zeros at its first touch; a network that makes the same maps again and again pays for that each time
(notebook 11). What counts as large is learned: the largest piece that has come and gone so far, up to 32 MiB, and twice
that may lie idle at the heap's end (mallopt(3), M_MMAP_THRESHOLD).
"""

from __future__ import annotations

import torch

LARGEST = 32 * 2**20 - 2**16  # bytes: the most that is learned, less what the library adds to a piece


def keep_freed_memory() -> None:
    """Let this process keep what it frees, up to 64 MiB at the heap's end.

    One piece comes and goes, untouched, so that it costs nothing; no later one up to its size counts as large. Where
    memory is managed otherwise this changes nothing, nor where the environment sets MALLOC_MMAP_THRESHOLD_.
    """
    torch.empty(LARGEST, dtype=torch.uint8)
