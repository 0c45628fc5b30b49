"""Trains the model that recognises exercises."""
