"""Sanity checks for attention maps: what a map must beat before it means anything. Notebook 10 uses them.

`perturbation` takes away what a map marks and watches the answer; `baselines` are maps that know nothing of the
network, or nothing of what it has learned; `bars` asks whether strips prefer horizontal and vertical things;
`statistics` says how sure a mean is; `evaluation` does all of it for a data set.
"""
