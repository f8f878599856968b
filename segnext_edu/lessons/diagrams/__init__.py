"""The diagrams of the series: the roadmap, the network and its parts, the training loop. Shapes are computed."""

from segnext_edu.lessons.diagrams.parts import block, hamburger, msca, strip_pair
from segnext_edu.lessons.diagrams.whole import network, roadmap, training_loop

__all__ = ["block", "hamburger", "msca", "network", "roadmap", "strip_pair", "training_loop"]
