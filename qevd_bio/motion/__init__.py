"""Kernels on arrays of angles: smoothing, repetitions, scores, constraints, plausibility."""
