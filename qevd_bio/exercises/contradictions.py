"""What is wrong in a rule that its schema cannot see.

J = 24 joints
"""

from __future__ import annotations

from itertools import pairwise

from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import THROUGHOUT, Constraint
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.skeleton.measures import CATALOGUE

SIDES = ("r", "l")
UNVERIFIED = "unverified"

Faults = list[tuple[str, str]]


def contradictions(rule: Rule, stem: str) -> Faults:
    """List what does not fit together in a rule.

    Parameters
    ----------
    rule : Rule
        Valid after the schema.
    stem : str
        Name of its file without suffix.

    Returns
    -------
    list of (str, str)
        Key and cause; empty when the rule makes sense.
    """
    found: Faults = [] if rule.id == stem else [("id", f"is '{rule.id}', the file '{stem}'")]
    found += _joint_faults(rule) + _phase_faults(rule) + _representative_faults(rule)
    found += _source_faults(rule)
    if not rule.tempo.shortest_s < rule.tempo.longest_s:
        found.append(("tempo_s", "shortest is not below longest"))
    for i, constraint in enumerate(rule.constraints):
        faults = _constraint_faults(constraint, rule)
        found += [(f"constraints.{i}.{key}", cause) for key, cause in faults]
    if len({constraint.id for constraint in rule.constraints}) < len(rule.constraints):
        found.append(("constraints", "two have one id"))
    return found


def _joint_faults(rule: Rule) -> Faults:
    joints = rule.dynamic_joints + rule.static_joints
    unknown = [joint for joint in joints if joint not in JOINT_NAMES]
    return [("joints", f"{joint} is no SKEL joint") for joint in unknown] + [
        ("joints", f"{joint} is named {joints.count(joint)} times, not once")
        for joint in JOINT_NAMES
        if joints.count(joint) != 1
    ]


def _phase_faults(rule: Rule) -> Faults:
    found: Faults = []
    if any(phase.name == THROUGHOUT for phase in rule.phases):
        found.append(("phases", f"'{THROUGHOUT}' means the whole cycle"))
    places = [phase.at for phase in rule.phases]
    if any(a >= b for a, b in pairwise(places)):
        found.append(("phases", "are not in increasing order"))
    if len({phase.name for phase in rule.phases}) < len(rule.phases):
        found.append(("phases", "two have one name"))
    if sum(phase.key for phase in rule.phases) != 1:
        found.append(("phases", 'exactly one must have "key": true'))
    elif rule.kind != "hold" and not 0 < rule.key_phase.at < 1:
        found.append(("phases", "the key phase must lie inside the cycle"))
    if not any(phase.name == rule.start_phase and phase.at == 0 for phase in rule.phases):
        found.append(("reference.start_phase", f"no phase '{rule.start_phase}' at 0"))
    places = [key.at for key in rule.reference_keys]
    if places[0] != 0 or any(a >= b for a, b in pairwise(places)):
        found.append(("reference.keys", "must start at 0 and increase"))
    return found


def _representative_faults(rule: Rule) -> Faults:
    measure, side = rule.representative.measure, rule.representative.side
    names = [measure] if side == "none" else [f"{measure}_{s}" for s in SIDES]
    missing = [name for name in names if name not in CATALOGUE]
    if missing:
        return [("representative.measure", f"{missing[0]} is no measure")]
    if CATALOGUE[names[0]].unit != "deg":
        return [("representative.measure", f"{names[0]} is no angle")]
    if rule.kind == "alternating" and side != "max":
        return [("representative.side", "an alternating movement needs 'max'")]
    if rule.kind == "repetitive" and side == "max":
        return [("representative.side", "'max' needs an alternating movement or a hold")]
    return []


def _source_faults(rule: Rule) -> Faults:
    """Find sources that neither begin with the key of a citation nor are `unverified`."""
    sources = [("tempo_s.source", rule.tempo.source)]
    sources += [(f"constraints.{i}.source", c.source) for i, c in enumerate(rule.constraints)]
    return [
        (key, f"'{source}' begins with no key of citations and is not '{UNVERIFIED}'")
        for key, source in sources
        if source != UNVERIFIED and source.split()[0].rstrip(",;:") not in rule.citations
    ]


def _constraint_faults(constraint: Constraint, rule: Rule) -> Faults:
    found: Faults = []
    if constraint.target_low > constraint.target_high:
        found.append(("target", f"{constraint.target_low} is above {constraint.target_high}"))
    if constraint.tolerance == 0 and constraint.target_high <= 0:
        found.append(("tolerance", "is 0 with no positive bound: severity has no unit"))
    if constraint.side in ("lead", "trail") and rule.representative.side != "max":
        found.append(("side", f"'{constraint.side}' needs a representative of side 'max'"))
    if constraint.check == "tempo":
        return found
    found += _checked_phase_faults(constraint, rule)
    if constraint.check == "symmetry":
        found += _symmetry_faults(constraint, rule)
    if constraint.check == "static" and constraint.target_low != 0:
        found.append(("target", "a static check starts at 0"))
    sides = {"none": [""], "r": ["_r"], "l": ["_l"]}.get(
        constraint.side, [f"_{side}" for side in SIDES]
    )
    for name in (constraint.measure + side for side in sides):
        if name not in CATALOGUE:
            found.append(("measure", f"{name} is no measure"))
        elif CATALOGUE[name].unit != constraint.unit:
            found.append(("unit", f"{name} is given in {CATALOGUE[name].unit}"))
    return found


def _checked_phase_faults(constraint: Constraint, rule: Rule) -> Faults:
    if constraint.phase == THROUGHOUT and rule.kind == "hold":
        return [("phase", f"'{THROUGHOUT}' needs a cycle, a hold has its median")]
    named = [THROUGHOUT, *(phase.name for phase in rule.phases)]
    if constraint.phase and constraint.phase not in named:
        return [("phase", f"no phase '{constraint.phase}'")]
    return []


def _symmetry_faults(constraint: Constraint, rule: Rule) -> Faults:
    """Find symmetries that compare nothing, or do not say which side is at fault."""
    low, high = constraint.target_low, constraint.target_high
    found: Faults = []
    if rule.kind == "hold" or (rule.kind == "alternating") == (constraint.side == "both"):
        found.append(("side", "'both' compares a repetitive movement, 'lead' an alternating one"))
    if not (low < 0 == high or low == 0 < high):
        found.append(("target", "a symmetry runs from a negative bound to 0 or from 0 upwards"))
    if bool(constraint.too_low) != (low < 0) or bool(constraint.too_high) != (high > 0):
        found.append(("too_low" if low < 0 else "too_high", "word the end that is not 0, only it"))
    return found
