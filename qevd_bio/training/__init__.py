"""Training: one recipe a file, and the parts that all recipes use."""
