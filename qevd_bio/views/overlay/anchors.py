"""Which measures are written on a picture, and beside which joint."""

from __future__ import annotations

from qevd_bio.exercises.motion_parts import full_name, unobserved
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.measures import CATALOGUE

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
"""The joint beside which a measure is written."""


def shown_measures(rule: Rule, motion: Motion) -> list[str]:
    """Choose the measures to write on a picture: observed, and one a joint.

    Parameters
    ----------
    rule : Rule
        Its representative measure comes first, then its dynamic constraints in their order.
    motion : Motion
        Knows which DoFs are observed.

    Returns
    -------
    list of str
        Keys of the catalogue of measures.
    """
    named = [(rule.representative.measure, rule.representative.side)]
    named += [(one.measure, one.side) for one in rule.constraints if one.check == "dynamic"]
    chosen: dict[str, str] = {}
    for measure, side in named:
        own = [measure] if measure in CATALOGUE else [f"{measure}_r", f"{measure}_l"]
        if side in ("r", "l"):
            own = [full_name(measure, side)]
        for name in own:
            if not unobserved(name, motion):
                chosen.setdefault(ANCHORS[name], name)
    return list(chosen.values())
