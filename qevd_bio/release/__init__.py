"""Write, load and compare a release."""
