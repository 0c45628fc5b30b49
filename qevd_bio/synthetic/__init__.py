"""Rendered people with known motion: an open body, a renderer, form errors, clips."""
