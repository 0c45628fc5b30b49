"""What is wrong in a rule that its schema cannot see.

J = 24 joints
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise

from qevd_bio.exercises.motion_parts import measures_of, sideless
from qevd_bio.exercises.rule import SIDES, Rule
from qevd_bio.exercises.rule_issue import RuleIssue
from qevd_bio.motion.constraints import THROUGHOUT, Constraint
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.skeleton.measures import CATALOGUE

UNVERIFIED = "unverified"

_Found = list[tuple[str, str, str]]
"""Key, cause and next step."""


def contradictions(rule: Rule, stem: str, broken: Collection[str] = ()) -> list[RuleIssue]:
    """List what does not fit together in a rule; nothing when it makes sense.

    Its sections are valid after the schema, except the broken ones: what depends on these
    top-level keys is not checked. `stem` is the name of its file without suffix.
    """
    found: _Found = []
    if "id" not in broken and rule.id != stem:
        found.append(("id", f"is '{rule.id}', the file '{stem}'", "Give both the same name"))
    for sections, check in _CHECKS:
        if not set(sections.split()) & set(broken):
            found += check(rule)
    return [RuleIssue(rule.file, *one) for one in found]


def known_measures() -> str:
    """List the measures without their sides, for a next step."""
    return f"Use one of {', '.join(dict.fromkeys(map(sideless, CATALOGUE)))}"


def _joint_issues(rule: Rule) -> _Found:
    joints = rule.dynamic_joints + rule.static_joints
    unknown = [
        ("joints", f"{joint} is no SKEL joint", f"Use {', '.join(JOINT_NAMES)}")
        for joint in joints
        if joint not in JOINT_NAMES
    ]
    return unknown + [
        (
            "joints",
            f"{joint} is named {joints.count(joint)} times, not once",
            "Name it in dynamic or in static",
        )
        for joint in JOINT_NAMES
        if joints.count(joint) != 1
    ]


def _phase_issues(rule: Rule) -> _Found:
    found: _Found = []
    if any(phase.name == THROUGHOUT for phase in rule.phases):
        found.append(("phases", f"'{THROUGHOUT}' means the whole cycle", "Name it otherwise"))
    places = [phase.at for phase in rule.phases]
    if any(a >= b for a, b in pairwise(places)):
        found.append(("phases", "are not in increasing order", "Order them by 'at'"))
    if len({phase.name for phase in rule.phases}) < len(rule.phases):
        found.append(("phases", "two have one name", "Rename one"))
    if sum(phase.key for phase in rule.phases) != 1:
        found.append(
            (
                "phases",
                'exactly one must have "key": true',
                "Give it to the phase where the representative measure is extreme",
            )
        )
    elif rule.kind != "hold" and not 0 < rule.key_phase.at < 1:
        found.append(("phases", "the key phase must lie inside the cycle", "Move its 'at'"))
    found += [
        (
            f"phases.{phase.name}.cue_phase",
            "is missing: it links a trainer's words to this phase",
            "Use top, bottom or between",
        )
        for phase in rule.phases
        if rule.kind != "hold" and not phase.cue_phase
    ]
    return found


def _start_issues(rule: Rule) -> _Found:
    if any(phase.name == rule.start_phase and phase.at == 0 for phase in rule.phases):
        return []
    cause = f"no phase '{rule.start_phase}' at 0"
    return [("reference.start_phase", cause, "Name the phase with 'at' 0")]


def _key_pose_issues(rule: Rule) -> _Found:
    places = [key.at for key in rule.reference_keys]
    if places[0] == 0 and all(b - a > 1e-6 for a, b in pairwise([*places, 1.0])):
        return []
    return [("reference.keys", "must start at 0 and increase", "Order the poses by 'at'")]


def _representative_issues(rule: Rule) -> _Found:
    measure, side = rule.representative.measure, rule.representative.side
    names = [measure] if side == "none" else [f"{measure}_{s}" for s in SIDES]
    missing = [name for name in names if name not in CATALOGUE]
    key = "representative.measure"
    if missing:
        return [(key, f"{missing[0]} is no measure", known_measures())]
    if CATALOGUE[names[0]].unit != "deg":
        return [(key, f"{names[0]} is no angle", "Choose a measure in degrees")]
    if rule.kind == "alternating" and side != "max":
        return [("representative.side", "an alternating movement needs 'max'", "Use max")]
    if rule.kind == "repetitive" and side == "max":
        cause = "'max' needs an alternating movement or a hold"
        return [("representative.side", cause, "Use mean, or make the kind alternating")]
    return []


def _tempo_issues(rule: Rule) -> _Found:
    if rule.tempo.shortest_s < rule.tempo.longest_s:
        return []
    return [("tempo_s", "shortest is not below longest", "Exchange or correct them")]


def _source_issues(sources: list[tuple[str, str]], rule: Rule) -> _Found:
    """Find sources that neither begin with the key of a citation nor are `unverified`."""
    return [
        (
            key,
            f"'{source}' begins with no key of citations and is not '{UNVERIFIED}'",
            f"Add the citation, or write '{UNVERIFIED}'",
        )
        for key, source in sources
        if source != UNVERIFIED and source.split()[0].rstrip(",;:") not in rule.citations
    ]


def _constraint_issues(rule: Rule) -> _Found:
    found: _Found = []
    if len({constraint.id for constraint in rule.constraints}) < len(rule.constraints):
        found.append(("constraints", "two have one id", "Rename one"))
    for constraint in rule.constraints:
        own = _bound_issues(constraint)
        if constraint.check == "static" and constraint.target_low != 0:
            own.append(("target", "a static check starts at 0", "Make the lower bound 0"))
        own += _measure_issues(constraint)
        found += [(f"constraints.{constraint.id}.{key}", cause, fix) for key, cause, fix in own]
    return found


def _bound_issues(constraint: Constraint) -> _Found:
    found: _Found = []
    low, high = constraint.target_low, constraint.target_high
    if low > high:
        found.append(("target", f"{low} is above {high}", "Write the lower bound first"))
    return found


def _measure_issues(constraint: Constraint) -> _Found:
    found: _Found = []
    for name in measures_of(constraint):
        if name not in CATALOGUE:
            found.append(("measure", f"{name} is no measure", known_measures()))
        elif CATALOGUE[name].unit != constraint.unit:
            unit = CATALOGUE[name].unit
            found.append(("unit", f"{name} is given in {unit}", f"Write {unit}"))
    return found


def _side_issues(rule: Rule) -> _Found:
    return [
        (
            f"constraints.{constraint.id}.side",
            f"'{constraint.side}' needs a representative of side 'max'",
            "Use both, r, l or none",
        )
        for constraint in rule.constraints
        if constraint.side in ("lead", "trail") and rule.representative.side != "max"
    ]


def _checked_phase_issues(rule: Rule) -> _Found:
    named = [THROUGHOUT, *(phase.name for phase in rule.phases)]
    found: _Found = []
    for constraint in rule.constraints:
        key = f"constraints.{constraint.id}.phase"
        if constraint.phase == THROUGHOUT and rule.kind == "hold":
            cause = f"'{THROUGHOUT}' needs a cycle, a hold has its median"
            found.append((key, cause, f"Use {' or '.join(named[1:])}"))
        elif constraint.phase and constraint.phase not in named:
            cause = f"no phase '{constraint.phase}'"
            found.append((key, cause, f"Use one of {', '.join(named)}"))
    return found


def _symmetry_issues(rule: Rule) -> _Found:
    """Find symmetries without a comparison, or without the side that is wrong."""
    found: _Found = []
    for constraint in (one for one in rule.constraints if one.check == "symmetry"):
        key, low, high = (
            f"constraints.{constraint.id}",
            constraint.target_low,
            constraint.target_high,
        )
        if rule.kind == "hold" or (rule.kind == "alternating") == (constraint.side == "both"):
            cause = "'both' compares a repetitive movement, 'lead' an alternating one"
            found.append((f"{key}.side", cause, "Exchange the side, or remove the check"))
        if not (low < 0 == high or low == 0 < high):
            cause = "a symmetry runs from a negative bound to 0 or from 0 upwards"
            found.append((f"{key}.target", cause, "Make one of the bounds 0"))
        if bool(constraint.too_low) != (low < 0) or bool(constraint.too_high) != (high > 0):
            end = "too_low" if low < 0 else "too_high"
            cause = "write an instruction only for the end that is not 0"
            found.append((f"{key}.{end}", cause, "Write null for the other end"))
    return found


def _tempo_source_issues(rule: Rule) -> _Found:
    return _source_issues([("tempo_s.source", rule.tempo.source)], rule)


def _constraint_source_issues(rule: Rule) -> _Found:
    sources = [(f"constraints.{c.id}.source", c.source) for c in rule.constraints]
    return _source_issues(sources, rule)


_CHECKS: tuple[tuple[str, Callable[[Rule], _Found]], ...] = (
    ("joints", _joint_issues),
    ("kind phases", _phase_issues),
    ("phases reference", _start_issues),
    ("reference", _key_pose_issues),
    ("kind representative", _representative_issues),
    ("tempo_s citations", _tempo_source_issues),
    ("tempo_s", _tempo_issues),
    ("constraints", _constraint_issues),
    ("constraints representative", _side_issues),
    ("constraints kind phases", _checked_phase_issues),
    ("constraints kind", _symmetry_issues),
    ("constraints citations", _constraint_source_issues),
)
"""Each check with the top-level keys it reads."""
