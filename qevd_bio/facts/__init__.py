"""The facts that a sentence states, read from its words."""
