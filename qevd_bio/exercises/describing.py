"""Rules put into words, rows and a picture.

P phase points
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import EnvironmentProblem, RuleError
from qevd_bio.exercises.contradictions import UNVERIFIED
from qevd_bio.exercises.load import load_rule
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.atomic import write_bytes_atomic
from qevd_bio.motion.constraints import THROUGHOUT, Constraint
from qevd_bio.motion.measured_value import farthest_out
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values

KINDS = {
    "repetitive": "each repetition goes from rest to the key phase and back",
    "alternating": "each side's repetition counts, the side is found in the motion",
    "hold": "a stretch of time in which the pose stays",
}
SIDES_SHOWN: Mapping[str, tuple[str, ...]] = {
    "both": ("_r", "_l"),
    "none": ("",),
    "r": ("_r",),
    "l": ("_l",),
    "lead": ("_r",),
    "trail": ("_l",),
}
"""Sides a reference shows a constraint on: where either may lead, it is the right."""

_UNITS = {"deg": "°", "ratio": " x", "s": " s"}
_COLUMNS = 3


def verification(source: str) -> str:
    """Say how far a source carries its numbers.

    Parameters
    ----------
    source : str
        Of a constraint or of the bounds of a cycle.

    Returns
    -------
    str
        ``unverified``; ``sourced``; or ``partly`` where the source itself says that some of its
        numbers are unverified.
    """
    if source == UNVERIFIED:
        return UNVERIFIED
    return "partly" if UNVERIFIED in source else "sourced"


def described(rule: Rule) -> dict[str, Any]:
    """Give everything a rule says as JSON values.

    Parameters
    ----------
    rule : Rule
        The rule.

    Returns
    -------
    dict
        Identity, names, kind, representative, phases, tempo, joints, constraints with how far
        their sources carry, citations.
    """
    return {
        "id": rule.id,
        "version": rule.version,
        "title": rule.title,
        "aliases": list(rule.aliases),
        "kind": rule.kind,
        "posture": rule.posture,
        "representative": asdict(rule.representative),
        "phases": [asdict(phase) for phase in rule.phases],
        "tempo": asdict(rule.tempo) | {"verification": verification(rule.tempo.source)},
        "joints": {"dynamic": list(rule.dynamic_joints), "static": list(rule.static_joints)},
        "constraints": [
            asdict(c) | {"verification": verification(c.source)} for c in rule.constraints
        ],
        "citations": dict(rule.citations),
        "digest": rule.digest,
    }


def constraint_row(c: Constraint) -> tuple[str, ...]:
    """Lay a constraint out as cells: id, what, when, target, tolerance, priority, source."""
    unit = _UNITS[c.unit]
    sided = c.measure if c.side == "none" else f"{c.measure} ({c.side})"
    named = "" if c.phase == THROUGHOUT else c.phase
    when = named or ("duration" if c.check == "tempo" else "whole cycle")
    target = f"{c.target_low:g} to {c.target_high:g}{unit}"
    if c.check == "static":
        target = f"deviation < {c.target_high:g}{unit}"
    if c.check == "symmetry":
        word = "less" if c.target_low < 0 else "more"
        target = f"a side < {max(-c.target_low, c.target_high):g}{unit} {word} than the other"
    return c.id, sided, when, target, f"{c.tolerance:g}{unit}", c.priority, c.source


CONSTRAINT_HEADER = ("constraint", "measure", "at", "target", "tolerance", "priority", "source")


def summary_lines(rule: Rule) -> list[str]:
    """Say what a rule is about: names, kind, how repetitions are found, joints.

    Parameters
    ----------
    rule : Rule
        The rule.

    Returns
    -------
    list of str
        One statement a line.
    """
    shown = rule.representative
    sided = shown.measure if shown.side == "none" else f"{shown.measure} ({shown.side})"
    phases = ", ".join(
        f"{phase.name} at {phase.at:g}{' (key)' if phase.key else ''}" for phase in rule.phases
    )
    still = f"the {len(rule.static_joints)} others" if rule.dynamic_joints else "all 24"
    return [
        f"{rule.title} ({rule.id}, version {rule.version})",
        f"names: {', '.join(rule.aliases) or 'none but these'}",
        f"kind: {rule.kind}, {rule.posture}; {KINDS[rule.kind]}",
        f"found by: the {shown.extreme}imum of {sided}",
        f"phases: {phases}",
        f"one takes: {rule.tempo.shortest_s:g} to {rule.tempo.longest_s:g} s "
        f"[{rule.tempo.source}]",
        f"moving joints: {', '.join(rule.dynamic_joints) or 'none'}",
        f"still joints: {still}",
    ]


def counted_sources(rules: Sequence[Rule]) -> dict[str, int]:
    """Count the sources of rules: ``sourced``, ``partly`` and ``unverified``."""
    found = [
        verification(source)
        for rule in rules
        for source in (rule.tempo.source, *(c.source for c in rule.constraints))
    ]
    return {kind: found.count(kind) for kind in ("sourced", "partly", UNVERIFIED)}


def examined(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Check rule files one by one, each with its reference.

    Parameters
    ----------
    paths : sequence of Path
        Rule files.

    Returns
    -------
    list of dict
        ``file``, ``ok``, ``error`` (None or where, cause and next step) and ``summary`` (what
        the rule says, empty when it is wrong).
    """
    results: list[dict[str, Any]] = []
    for path in paths:
        try:
            if not path.is_file():
                raise RuleError("no such file", where=str(path), next_step="Name a rule file")
            rule = load_rule(path)
            outside = _outside_its_targets(rule)
            if outside:
                raise RuleError(
                    f"the reference misses the target of {', '.join(outside)}",
                    where=f"{path.name}: reference.keys",
                    next_step="Correct the keys or the targets",
                )
        except RuleError as error:
            results.append({"file": str(path), "ok": False, "error": str(error), "summary": []})
        else:
            summary = summary_lines(rule)
            results.append({"file": str(path), "ok": True, "error": None, "summary": summary})
    return results


def shown_value(c: Constraint, rule: Rule, curve: FloatArray) -> float:
    """Read from a measure's curve over the reference (P,) what a constraint checks."""
    if c.check == "static":
        return float(np.std(curve))
    if c.phase == THROUGHOUT:
        extreme = farthest_out(curve, c.target_low, c.target_high)
        return float(curve[extreme.frame]) if extreme else float("nan")
    return float(curve[round(rule.phase(c.phase).at * (rule.points - 1))])


def _outside_its_targets(rule: Rule) -> list[str]:
    reference = build_reference(rule)
    shown = SIDES_SHOWN
    outside = []
    for c in (c for c in rule.constraints if c.check in ("dynamic", "static")):
        names = [c.measure + side for side in shown[c.side]]
        curves = measure_values(names, reference, generic_skeleton(), WORLD_GRAVITY)
        for name, curve in curves.items():
            value = shown_value(c, rule, curve)
            if not c.target_low - 1e-6 <= value <= c.target_high + 1e-6:
                outside.append(f"{c.id} ({name} {value:.0f})")
    return outside


def draw_reference(rule: Rule, path: Path) -> None:
    """Draw the reference of a rule: each checked measure over one cycle with its targets.

    Parameters
    ----------
    rule : Rule
        The rule.
    path : Path
        PNG to write or replace.

    Raises
    ------
    EnvironmentProblem
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            "matplotlib is not installed",
            where="rules show --plot",
            next_step="pip install 'qevd-bio[plot]'",
        ) from error

    measures = list(
        dict.fromkeys(
            [rule.representative.measure]
            + [c.measure for c in rule.constraints if c.check != "tempo"]
        )
    )
    names = {m: [n for n in (m, f"{m}_r", f"{m}_l") if n in CATALOGUE] for m in measures}
    curves = measure_values(
        [name for group in names.values() for name in group],
        build_reference(rule),
        generic_skeleton(),
        WORLD_GRAVITY,
    )
    at = np.linspace(0.0, 1.0, rule.points)
    rows = -(-len(measures) // _COLUMNS)
    figure = Figure(figsize=(4.0 * _COLUMNS, 2.4 * rows), dpi=100, layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).flatten()
    for panel, measure in zip(panels[: len(measures)], measures, strict=True):
        for name in names[measure]:
            style = "--" if name.endswith("_l") else "-"
            panel.plot(at, curves[name], style, color="#0550ae", lw=1.3, label=name)
        for c in rule.constraints:
            if c.measure == measure and c.check == "dynamic":
                if c.phase == THROUGHOUT:
                    panel.axhspan(c.target_low, c.target_high, color="#1a7f37", alpha=0.12)
                    continue
                place = rule.phase(c.phase).at
                panel.plot([place, place], [c.target_low, c.target_high], color="#1a7f37", lw=6,
                           alpha=0.35, solid_capstyle="butt")  # fmt: skip
        for phase in rule.phases:
            panel.axvline(phase.at, color="#8c959f", lw=0.6, ls=":")
        panel.set_title(f"{measure} ({CATALOGUE[names[measure][0]].unit})", fontsize=9)
        panel.tick_params(labelsize=7)
    for panel in panels[len(measures) :]:
        panel.set_axis_off()
    figure.suptitle(
        f"{rule.title}: reference over one cycle; solid right, dashed left, green target at "
        "its phase",
        fontsize=10,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes_atomic(path, buffer.getvalue())
