"""Rendered subjects with known motion: an open body, a renderer, faults, a QEVD-shaped folder."""
