"""The built-in backend: one camera, landmarks, a fitted body."""
