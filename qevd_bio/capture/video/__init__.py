"""Video files: decoding, the quarter turn that puts them upright, checks of footage."""
