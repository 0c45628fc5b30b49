"""Releases: written, loaded and compared."""
