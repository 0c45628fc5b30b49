"""A video with skeleton, angles, phase and violations drawn on its frames."""
