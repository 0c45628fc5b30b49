"""The SKEL body in numbers: joints, degrees of freedom, forward kinematics, measures."""
