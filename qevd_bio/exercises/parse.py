"""The record of a rule file, turned into a rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qevd_bio.exercises.rule import Draft, Phase, ReferenceKey, Representative, Rule, Tempo
from qevd_bio.exercises.rule_issue import RuleIssue
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.constraints import Constraint
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS

COMMENT = "//"
"""A key that begins with this is a comment."""

_SHOULDER = ("shoulder_x", "shoulder_y", "shoulder_z")


def without_comments(value: JsonValue) -> JsonValue:
    """Leave out the keys that are comments, at any depth."""
    if isinstance(value, Mapping):
        return {
            key: without_comments(one) for key, one in value.items() if not key.startswith(COMMENT)
        }
    return [without_comments(one) for one in value] if isinstance(value, list) else value


def rule_from(record: Mapping[str, Any], file: str, digest: str) -> tuple[Rule, list[RuleIssue]]:
    """Turn a record that fits the schema, without comments, into a rule.

    Keys the schema does not know are not read. The issues are angles of key poses that are given
    twice or belong to no degree of freedom; the rule comes without them.
    """
    poses = record["reference"]["keys"]
    resolved = [_both_sides(pose["deg"]) for pose in poses]
    issues = [
        RuleIssue(file, f"reference.keys.{i}.deg.{name}", cause, next_step)
        for i, (_, found) in enumerate(resolved)
        for name, cause, next_step in found
    ]
    tempo, reference = record["tempo_s"], record["reference"]
    rule = Rule(
        id=record["id"],
        version=int(record["version"]),
        title=record["title"],
        aliases=tuple(record["aliases"]),
        cue_groups=tuple(record["cue_groups"]),
        kind=record["kind"],
        posture=record["posture"],
        representative=Representative(
            *(record["representative"][key] for key in ("measure", "side", "extreme"))
        ),
        phases=tuple(
            Phase(
                name=phase["name"],
                at=float(phase["at"]),
                key="key" in phase,
                cue_phase=phase.get("cue_phase", ""),
                words=phase.get("words", ""),
            )
            for phase in record["phases"]
        ),
        tempo=Tempo(float(tempo["shortest"]), float(tempo["longest"]), tempo["source"]),
        dynamic_joints=tuple(record["joints"]["dynamic"]),
        static_joints=tuple(record["joints"]["static"]),
        constraints=tuple(_constraint_from(item) for item in record["constraints"]),
        points=int(reference["points"]),
        start_phase=reference["start_phase"],
        reference_keys=tuple(
            ReferenceKey(float(pose["at"]), deg)
            for pose, (deg, _) in zip(poses, resolved, strict=True)
        ),
        citations=dict(record["citations"]),
        file=file,
        digest=digest,
        draft=_draft_from(record["draft"]) if "draft" in record else None,
    )
    return rule, issues


def _draft_from(item: Mapping[str, Any]) -> Draft:
    reasons, accepted = item["reasons"], item.get("accepted", {})
    return Draft(
        model=item["model"],
        prompt=item["prompt"],
        drafted=item["drafted"],
        proposal_sha256=item["proposal_sha256"],
        representative_reason=reasons["representative"],
        joint_reasons=dict(reasons["joints"]),
        constraint_reasons=dict(reasons["constraints"]),
        accepted_by=accepted.get("by"),
        accepted_at=accepted.get("at"),
    )


def _constraint_from(item: Mapping[str, Any]) -> Constraint:
    low, high = item["target"]
    return Constraint(
        id=item["id"],
        measure=item["measure"],
        side=item["side"],
        check=item["check"],
        phase=item["phase"] if item["check"] in ("dynamic", "symmetry") else "",
        target_low=float(low),
        target_high=float(high),
        tolerance=float(item["tolerance"]),
        unit=item["unit"],
        priority=item["priority"],
        joint=item["joint"],
        too_low=item["too_low"] or "",
        too_high=item["too_high"] or "",
        source=item["source"],
    )


def _both_sides(
    deg: Mapping[str, float],
) -> tuple[dict[str, float], list[tuple[str, str, str]]]:
    """Name every DoF with its side; a sideless one is the right side's, mirrored to the left."""
    resolved: dict[str, float] = {}
    issues: list[tuple[str, str, str]] = []
    for name, value in deg.items():
        right = f"shoulder_r_{name[-1]}" if name in _SHOULDER else f"{name}_r"
        if name in DOF_INDEX:
            named = {name: float(value)}
        elif right in DOF_INDEX:
            dof = DOFS[DOF_INDEX[right]]
            mirrored = DOFS[dof.mirror_index].name
            named = {right: float(value), mirrored: float(dof.mirror_sign * value)}
        else:
            issues.append((name, "no DoF of SKEL", f"Use one of {', '.join(DOF_INDEX)}"))
            continue
        twice = [dof_name for dof_name in named if dof_name in resolved]
        issues += [(name, f"sets {dof_name} again", "Name it once") for dof_name in twice]
        resolved.update(named)
    return resolved, issues
