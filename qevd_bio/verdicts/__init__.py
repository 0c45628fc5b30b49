"""Verdicts of annotators: events, their store, what they come to, and their files."""
