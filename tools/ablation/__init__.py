"""The ablation lab's runs: variants of nano under one recipe, from the same seeds (notebook 11)."""
