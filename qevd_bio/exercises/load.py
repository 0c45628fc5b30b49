"""Rule files: read, validated against the schema and checked for sense."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, RuleError
from qevd_bio.exercises.contradictions import contradictions
from qevd_bio.exercises.names import normal_name
from qevd_bio.exercises.rule import Phase, ReferenceKey, Representative, Rule, Tempo
from qevd_bio.files.strict_json import parse_json
from qevd_bio.motion.constraints import Constraint
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS

SCHEMA_NAME = "rule.schema.json"


def load_rules(folder: Path | None = None) -> dict[str, Rule]:
    """Read all rules of a folder.

    Parameters
    ----------
    folder : Path, optional
        Folder of ``<id>.json`` files; the package's own rules when not given.

    Returns
    -------
    dict of str to Rule
        By id, in alphabetical order.

    Raises
    ------
    RuleError
        A file is malformed, contradicts itself, or two rules answer to one name.
    """
    root = asset_path("rules") if folder is None else folder
    files = sorted(path for path in root.glob("*.json") if path.name != SCHEMA_NAME)
    if not files:
        raise RuleError("no rule files", where=str(root), next_step="Put <id>.json files there")
    rules = {path.stem: load_rule(path) for path in files}
    owners: dict[str, str] = {}
    for rule in rules.values():
        for name in (rule.id, rule.title, *rule.aliases):
            owner = owners.setdefault(normal_name(name), rule.id)
            if owner != rule.id:
                raise RuleError(
                    f"the name '{name}' belongs to {owner} too",
                    where=f"{rule.id}.json: aliases",
                    next_step="Keep the name in one of the two rules",
                )
    return rules


def load_rule(path: Path) -> Rule:
    """Read one rule file.

    Parameters
    ----------
    path : Path
        A file named after the rule's id.

    Returns
    -------
    Rule
        Validated against ``rule.schema.json`` and checked for sense.

    Raises
    ------
    RuleError
        Names the file, the key and the cause.
    """
    content = path.read_bytes()
    try:
        record: Any = parse_json(content.decode("utf-8"), where=path.name)
    except (UnicodeDecodeError, DataError) as error:
        raise _fault(path, "", f"no JSON text ({error})") from error
    schema = json.loads(asset_path("rules", SCHEMA_NAME).read_text(encoding="utf-8"))
    errors = sorted(
        Draft202012Validator(schema).iter_errors(record), key=lambda e: [str(p) for p in e.path]
    )
    if errors:
        key = ".".join(str(part) for part in errors[0].absolute_path)
        raise _fault(path, key, errors[0].message)
    rule = _rule_of(record, hashlib.sha256(content).hexdigest(), path)
    for key, cause in contradictions(rule, path.stem):
        raise _fault(path, key, cause)
    return rule


def _fault(path: Path, key: str, cause: str) -> RuleError:
    where = f"{path.name}: {key}" if key else path.name
    return RuleError(cause, where=where, next_step="Correct the rule file")


def _rule_of(record: dict[str, Any], digest: str, path: Path) -> Rule:
    return Rule(
        id=record["id"],
        version=record["version"],
        title=record["title"],
        aliases=tuple(record["aliases"]),
        kind=record["kind"],
        posture=record["posture"],
        representative=Representative(**record["representative"]),
        phases=tuple(Phase(p["name"], float(p["at"]), "key" in p) for p in record["phases"]),
        tempo=Tempo(
            float(record["tempo_s"]["shortest"]),
            float(record["tempo_s"]["longest"]),
            record["tempo_s"]["source"],
        ),
        dynamic_joints=tuple(record["joints"]["dynamic"]),
        static_joints=tuple(record["joints"]["static"]),
        constraints=tuple(_constraint_of(item) for item in record["constraints"]),
        points=record["reference"]["points"],
        start_phase=record["reference"]["start_phase"],
        reference_keys=tuple(
            ReferenceKey(float(key["at"]), _both_sides(key["deg"], i, path))
            for i, key in enumerate(record["reference"]["keys"])
        ),
        citations=dict(record["citations"]),
        digest=digest,
    )


def _constraint_of(item: dict[str, Any]) -> Constraint:
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


def _both_sides(deg: dict[str, float], index: int, path: Path) -> dict[str, float]:
    """Name every DoF with its side; a sideless one is the right side's, mirrored to the left."""
    resolved: dict[str, float] = {}
    for name, value in deg.items():
        right = f"shoulder_r_{name[-1]}" if name in _SHOULDER else f"{name}_r"
        if name in DOF_INDEX:
            named = {name: float(value)}
        elif right in DOF_INDEX:
            dof = DOFS[DOF_INDEX[right]]
            mirrored = DOFS[dof.mirror_index].name
            named = {right: float(value), mirrored: float(dof.mirror_sign * value)}
        else:
            raise _fault(path, f"reference.keys.{index}.deg.{name}", "no DoF of SKEL")
        for dof_name in named:
            if dof_name in resolved:
                raise _fault(path, f"reference.keys.{index}.deg.{name}", f"sets {dof_name} again")
        resolved.update(named)
    return resolved


_SHOULDER = ("shoulder_x", "shoulder_y", "shoulder_z")
