"""Reference cycles: built from the key poses of a rule, and checked against it.

D = 46 DoF, P phase points
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.rule import SIDES, ReferenceKey, Rule
from qevd_bio.exercises.rule_issue import RuleIssue, refuse
from qevd_bio.files.atomic import write_bytes_atomic, write_text_atomic
from qevd_bio.motion.constraints import THROUGHOUT, Constraint
from qevd_bio.motion.measured_value import farthest_out
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOFS, N_DOFS, Dof
from qevd_bio.skeleton.measures import measure_values

SCHEMA_VERSION = 1
INDEX_NAME = "index.json"
ROUNDED_TO = 9
"""Decimals of a radian: the same bytes on every machine."""
WORLD_GRAVITY = np.array([0.0, -1.0, 0.0])
"""References are in the resting frame of the skeleton: x left, y up, z forward."""

_SIDES_SHOWN: Mapping[str, tuple[str, ...]] = {
    "both": ("_r", "_l"),
    "none": ("",),
    "r": ("_r",),
    "l": ("_l",),
    "lead": ("_r",),
    "trail": ("_l",),
}
"""Sides a reference shows a constraint on: where either may lead, it is the right."""


def build_reference(rule: Rule) -> FloatArray:
    """Build one cycle of an exercise done as its rule asks, or take the one it was given.

    Returns
    -------
    ndarray (P, 46)
        Angles in rad from the start phase to the start phase; first and last row are equal.

    Raises
    ------
    RuleError
        A DoF is outside its possible range.

    Notes
    -----
    Between keys each DoF follows a periodic monotone cubic (PCHIP): continuous in value and
    velocity, and never beyond its keys. A DoF that a key does not name is free there; a
    DoF that no key names is 0. Pelvis angles are in the resting frame (upright = 0).
    """
    if rule.given is not None:
        return rule.given.q
    q = _curves_through_keys(rule)
    refuse(_range_issues(rule, q))
    return q


def _curves_through_keys(rule: Rule) -> FloatArray:
    q = np.zeros((rule.points, N_DOFS))
    at = np.linspace(0.0, 1.0, rule.points)
    for keys, dofs in _dofs_by_keys(rule):
        places = np.array([key.at for key in keys])
        values = np.deg2rad([[key.deg[dof.name] for dof in dofs] for key in keys])
        columns = [dof.index for dof in dofs]
        if len(keys) == 1:
            q[:, columns] = values
        else:
            curves = PchipInterpolator(
                np.concatenate([places - 1, places, places + 1]), np.tile(values, (3, 1))
            )
            q[:, columns] = curves(at)
    q[-1] = q[0]
    return np.asarray(np.round(q, ROUNDED_TO))


def _dofs_by_keys(rule: Rule) -> list[tuple[list[ReferenceKey], list[Dof]]]:
    """Put the DoFs together that are named by the same keys; leave out those of none."""
    found: dict[tuple[int, ...], list[Dof]] = {}
    for dof in DOFS:
        naming = tuple(i for i, key in enumerate(rule.reference_keys) if dof.name in key.deg)
        if naming:
            found.setdefault(naming, []).append(dof)
    return [([rule.reference_keys[i] for i in keys], dofs) for keys, dofs in found.items()]


def reference_flaws(rule: Rule, q: FloatArray) -> list[str]:
    """Say why angles (P, 46) in rad are no reference of a rule at all; empty where they are."""
    if q.shape != (rule.points, N_DOFS):
        return [f"has shape {q.shape}, the reference of {rule.id} {(rule.points, N_DOFS)}"]
    flaws = [one.cause for one in (*_range_issues(rule, q), *_extreme_issues(rule, q))]
    if apart := float(np.abs(np.rad2deg(q[-1] - q[0])).max()):
        flaws.append(f"ends {apart:.2g} degrees from where it starts, and a cycle is closed")
    return flaws


def _range_issues(rule: Rule, q: FloatArray) -> list[RuleIssue]:
    return [
        RuleIssue(
            rule.file,
            "reference.keys",
            f"{dof.name} runs from {np.rad2deg(low):.0f} to {np.rad2deg(high):.0f} degrees, "
            f"possible are {np.rad2deg(dof.low_rad):.0f} to {np.rad2deg(dof.high_rad):.0f}",
            "Correct the angles of the key poses",
        )
        for dof, low, high in zip(DOFS, q.min(axis=0), q.max(axis=0), strict=True)
        if low < dof.low_rad - 1e-9 or high > dof.high_rad + 1e-9
    ]


def reference_issues(rule: Rule) -> list[RuleIssue]:
    """Find where the reference of a rule is no possible movement, or misses the rule's targets."""
    reference = _curves_through_keys(rule)
    return [
        *_range_issues(rule, reference),
        *_extreme_issues(rule, reference),
        *missed_targets(rule, reference),
    ]


def missed_targets(rule: Rule, reference: FloatArray) -> list[RuleIssue]:
    """Find the targets of a rule that a reference (P, 46) misses."""
    issues: list[RuleIssue] = []
    for c in rule.constraints:
        names = [c.measure + side for side in _SIDES_SHOWN[c.side]]
        if c.check not in ("dynamic", "static"):
            continue
        curves = measure_values(names, reference, generic_skeleton(), WORLD_GRAVITY)
        values = {name: shown_value(c, rule, curve) for name, curve in curves.items()}
        issues += [
            RuleIssue(
                rule.file,
                f"constraints.{c.id}.target",
                f"the reference misses it: {name} is {value:.0f} there",
                "Correct the key poses of the reference, or the target",
            )
            for name, value in values.items()
            if not c.target_low - 1e-6 <= value <= c.target_high + 1e-6
        ]
    return issues


def _extreme_issues(rule: Rule, reference: FloatArray) -> list[RuleIssue]:
    """Find a key phase where the representative measure, which finds cycles, is not extreme.

    A tenth of its range is allowed between the two.
    """
    if rule.kind == "hold":
        return []
    shown, lead = rule.representative, leading_side(rule, reference)
    sides = [""] if shown.side == "none" else [f"_{lead}"] if lead else [f"_{s}" for s in SIDES]
    names = [shown.measure + side for side in sides]
    curves = measure_values(names, reference, generic_skeleton(), WORLD_GRAVITY)
    curve = np.mean(list(curves.values()), axis=0)
    at_key = curve[round(rule.key_phase.at * (rule.points - 1))]
    extreme = curve.max() if shown.extreme == "max" else curve.min()
    if np.ptp(curve) > 0 and abs(extreme - at_key) <= 0.1 * np.ptp(curve):
        return []
    return [
        RuleIssue(
            rule.file,
            "representative",
            f"{shown.measure} of the reference is {at_key:.0f} in the phase "
            f"'{rule.key_phase.name}', and {extreme:.0f} is its {shown.extreme}",
            "Correct the extreme, the measure, the key phase or the key poses of the reference",
        )
    ]


def shown_value(c: Constraint, rule: Rule, curve: FloatArray) -> float:
    """Read what a constraint checks from the curve (P,) of its measure over the reference."""
    if c.check == "static":
        return float(np.std(curve))
    if c.phase == THROUGHOUT:
        extreme = farthest_out(curve, c.target_low, c.target_high)
        return float(curve[extreme.frame]) if extreme else float("nan")
    return float(curve[round(rule.phase(c.phase).at * (rule.points - 1))])


def leading_side(rule: Rule, reference: FloatArray) -> str | None:
    """Find the side that leads a reference (P, 46); None where the rule seeks no side."""
    if rule.representative.side != "max":
        return None
    names = [f"{rule.representative.measure}_{side}" for side in SIDES]
    key = reference[[round(rule.key_phase.at * (rule.points - 1))]]
    right, left = measure_values(names, key, generic_skeleton(), WORLD_GRAVITY).values()
    leads = right[0] >= left[0] if rule.representative.extreme == "max" else right[0] <= left[0]
    return "r" if leads else "l"


def build_all(out_folder: Path, rules: Iterable[Rule]) -> list[str]:
    """Write the references of rules, ``<id>.npy``, and their ``index.json``; return the ids.

    The same rules give the same bytes.
    """
    index: dict[str, Any] = {}
    for rule in rules:
        content, index[rule.id] = reference_file(rule, build_reference(rule))
        write_bytes_atomic(out_folder / f"{rule.id}.npy", content)
    write_text_atomic(out_folder / INDEX_NAME, index_text(index))
    return list(index)


def reference_file(rule: Rule, reference: FloatArray) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of a reference's .npy file, and its entry in the index."""
    buffer = io.BytesIO()
    np.save(buffer, reference, allow_pickle=False)
    return buffer.getvalue(), {
        "file": f"{rule.id}.npy",
        "points": rule.points,
        "start_phase": rule.start_phase,
        "phases": {phase.name: phase.at for phase in rule.phases},
        "leading_side": leading_side(rule, reference),
        "rule_version": rule.version,
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }


def index_text(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the index of references, given their entries by rule."""
    content = {"schema_version": SCHEMA_VERSION, "references": entries}
    return json.dumps(content, indent=2) + "\n"
