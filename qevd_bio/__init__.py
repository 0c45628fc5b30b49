"""From exercise videos to quantified, evidence-linked coaching sentences."""

__version__ = "0.1.0"
