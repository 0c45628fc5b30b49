"""A learned correction of the fitted body: what the detector's systematic errors do to it."""
