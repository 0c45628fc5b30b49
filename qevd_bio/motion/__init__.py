"""Kernels on arrays of angles: cycles, alignment, constraints. No files, no logging."""
