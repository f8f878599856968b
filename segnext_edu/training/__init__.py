"""The gradients that update weights: recipe, devices, trainer."""
