"""Model files the user has obtained: what exists, import without running code, the store."""
