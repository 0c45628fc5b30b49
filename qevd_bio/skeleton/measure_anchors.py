"""The joint at which a picture shows the value of a measure."""

from __future__ import annotations

_SIDED = {
    "knee_flexion": "tibia",
    "knee_valgus": "tibia",
    "hip_flexion": "femur",
    "hip_abduction": "femur",
    "thigh_split": "femur",
    "ankle_dorsiflexion": "talus",
    "elbow_flexion": "ulna",
    "shoulder_elevation": "humerus",
    "shoulder_horizontal_adduction": "humerus",
}
ANCHORS: dict[str, str] = {
    **{
        f"{measure}_{side}": f"{joint}_{side}"
        for measure, joint in _SIDED.items()
        for side in "rl"
    },
    "trunk_forward_lean": "thorax",
    "trunk_side_lean": "thorax",
    "lumbar_flexion": "lumbar_body",
    "thorax_flexion": "thorax",
    "head_flexion": "head",
    "body_line": "pelvis",
    "stance_width": "pelvis",
}
"""By measure of the catalogue, with its side."""
