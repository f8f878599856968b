"""A trained network at work: prediction, test-time augmentation, sliding windows, the optimised model, export."""
