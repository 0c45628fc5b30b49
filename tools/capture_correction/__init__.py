"""The recipe of the capture correction: rendered people, the real detector, training, tables."""
