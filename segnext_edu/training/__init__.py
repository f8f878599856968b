"""Training: `recipe` has the parts that notebook 08 builds, `trainer` the loop."""
