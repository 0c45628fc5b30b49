"""What makes motions that are asked for: surrogate of the simulation, VQ-VAE, guidance."""
