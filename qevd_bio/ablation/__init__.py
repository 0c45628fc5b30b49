"""Ablations: a coach is trained and scored once for each switch and seed."""
