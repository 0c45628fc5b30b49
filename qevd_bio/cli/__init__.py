"""Typer commands, one file a group; no logic."""
