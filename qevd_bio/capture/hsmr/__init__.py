"""HSMR: from crops of a person to 46 SKEL angles, 10 shape numbers and a camera."""
