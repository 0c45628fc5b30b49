"""The stages in order: configuration, planning and running."""
