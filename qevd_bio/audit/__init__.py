"""Leaks between splits: the same person or footage in both, with the evidence."""
