"""Muscles that move a body: forces of muscles, paths, ground contact, and who does how much."""
