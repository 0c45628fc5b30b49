"""Repetitions, holds and sets in curves of angles."""
