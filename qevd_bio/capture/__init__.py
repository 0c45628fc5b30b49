"""Video to motion: decoding, backends, lifting, inverse kinematics."""
