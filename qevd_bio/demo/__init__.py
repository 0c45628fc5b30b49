"""The demo: rendered sessions through the whole pipeline, measured against truth."""
