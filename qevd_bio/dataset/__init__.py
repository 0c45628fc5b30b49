"""Publishing, comparing and drawing the data set."""
