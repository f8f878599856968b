"""The paper's network, part by part: strip convolution, MSCA, the MSCAN encoder, the Hamburger, the whole model."""
