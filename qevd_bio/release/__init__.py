"""Releases: assembled, written, described and compared."""
