"""Networks over the movement of a musculoskeletal model."""
