"""Training: windows of kinematics around utterances."""
