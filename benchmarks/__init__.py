"""Measured figures with their bars; this package is not in the wheel."""
