"""What the notebooks alone call: the exercises' checks, the interactive figures, the classroom."""
