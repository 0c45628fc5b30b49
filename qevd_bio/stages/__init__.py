"""One thin file a stage: read artifacts, call kernels, write an artifact."""
