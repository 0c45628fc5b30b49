"""From a body's shape to its measurements: meshes, slices, volumes, landmarks."""
