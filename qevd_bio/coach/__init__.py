"""A coach for any video: repetitions, findings and sentences without a data set around them."""
