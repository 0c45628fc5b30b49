"""Visual features: a map of 1280 x 7 x 5 numbers for each four frames of a video at 16 fps."""
