"""The demo: rendered sessions through the whole pipeline, compared with the truth."""
