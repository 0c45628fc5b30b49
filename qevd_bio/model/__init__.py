"""The coach: network, sequences, generation; windows of kinematics for training."""
