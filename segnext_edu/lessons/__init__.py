"""What the notebooks alone call: the exercises' checks, the interactive figures, the classroom."""

import segnext_edu.inference  # noqa: F401 (a notebook's own loops, too, are to give way on a busy machine)
