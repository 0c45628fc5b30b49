"""Salient joints: where the analysis of a segment looks.

J = 24 joints
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from qevd_bio.exercises.motion_parts import full_name, measures_of, sideless
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_NAMES
from qevd_bio.skeleton.measures import CATALOGUE

MOST_JOINTS = 12
"""Top K of the supplement, section 6.1."""

SalienceSource = Literal["rules", "annotation", "selector"]
"""``selector`` is the name that a trained DoF selector will write."""

_PRIORITIES = ("critical", "high", "medium", "low")
_HIPS = ("femur_r", "femur_l")
_BODY_AS_A_WHOLE = {
    "trunk_forward_lean": ("pelvis", "thorax"),
    "trunk_side_lean": ("pelvis", "thorax"),
    "body_line": _HIPS,
    "stance_width": _HIPS,
}

_NOT_JUDGED: dict[str, Any] = {
    "measured": None,
    "deviation": None,
    "sigma": None,
    "violated": False,
    "severity": 0.0,
    "status": "unmeasurable",
    "instruction": "",
}


@dataclass(frozen=True, slots=True)
class Salience:
    """The joints that count in a segment, each with all its DoFs.

    Attributes
    ----------
    joints : tuple of str
        SKEL joints, most important first.
    source : str
        Where they come from: ``rules``, ``annotation`` or ``selector``.
    """

    joints: tuple[str, ...]
    source: SalienceSource


@dataclass(frozen=True, slots=True)
class SegmentSalience:
    """The salient joints of a segment, and from when on they are known.

    Attributes
    ----------
    chosen : Salience
        What counts in the end.
    known_s : float
        Time from which it is known; before the segment where nothing is looked at to choose.
    before : Salience or None
        What counts until then.
    """

    chosen: Salience
    known_s: float = -math.inf
    before: Salience | None = None

    def at(self, time_s: float) -> Salience | None:
        """Return what counts at a time."""
        return self.chosen if time_s >= self.known_s else self.before


def joints_of_measure(name: str) -> tuple[str, ...]:
    """Name the joints that a measure of `CATALOGUE` (with its side) belongs to.

    These are the joints of the DoFs it needs, without the pelvis, which only turns the body in
    the camera frame. A lean belongs to pelvis and thorax, body line and stance to the hips, the
    time of a cycle on no joint.
    """
    if name in _BODY_AS_A_WHOLE:
        return _BODY_AS_A_WHOLE[name]
    if name not in CATALOGUE:
        return ()
    joints = dict.fromkeys(DOFS[DOF_INDEX[dof]].joint for dof in CATALOGUE[name].needs)
    return tuple(joint for joint in joints if joint != "pelvis")


def salience_of_rule(rule: Rule) -> Salience:
    """Derive the salient joints of an exercise from its rule.

    First come the joints its constraints check, by priority and then in the rule's order: they
    are salient by definition, however many. Then its dynamic joints in SKEL's order, a pair
    together, as long as they fit into `MOST_JOINTS`.
    """
    by_priority = sorted(rule.constraints, key=lambda c: _PRIORITIES.index(c.priority))
    checked = (name for constraint in by_priority for name in measures_of(constraint))
    found = dict.fromkeys(joint for name in checked for joint in joints_of_measure(name))
    for stem in dict.fromkeys(map(sideless, JOINT_NAMES)):
        pair = {stem, f"{stem}_r", f"{stem}_l"} & set(rule.dynamic_joints)
        if len(found.keys() | pair) <= MOST_JOINTS:
            found |= dict.fromkeys(sorted(pair, key=JOINT_NAMES.index))
    return Salience(tuple(found), "rules")


def on_salient_joints(findings: Sequence[Finding], salience: Salience) -> list[Finding]:
    """Leave unjudged the findings that stand on no salient joint; as many, in the same order.

    If none of the joints of a measure is salient, its finding becomes ``unmeasurable`` without a
    number and states why; tempo stands on no joint and is always judged.

    Notes
    -----
    Supplement, section 4: constraints are evaluated on the intersection with J*. A joint counts
    with all its DoFs, so every measure that belongs to it is judged.
    """
    kept = []
    for finding in findings:
        joints = joints_of_measure(full_name(finding.measure, finding.side))
        if joints and set(joints).isdisjoint(salience.joints):
            finding = replace(
                finding,
                **_NOT_JUDGED,
                reason=f"not among the salient joints of this segment ({salience.source})",
            )
        kept.append(finding)
    return kept
