"""The controls beside the maps of notebook 09: what a map must beat before it means anything.

`masking` takes away what a map marks, and watches the answer; `rivals` are maps that know nothing of the network, or of
what it has learned; `bars` asks whether strips prefer lying and upright things; `intervals` says how sure a mean is.

    python -m segnext_edu.controls --data mini --checkpoint data/checkpoints/nano_mini.safetensors --out controls.json
"""
