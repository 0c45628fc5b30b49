"""A rule as a language model proposes it, and as the record of a rule file.

The proposal is the rule file without what a model must not write: sources, citations, identity
and units. Its JSON schema is the answer of ``prompts/rule_draft.prompt.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qevd_bio.exercises.contradictions import UNVERIFIED
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.skeleton.measures import CATALOGUE

SCHEMA_VERSION = 2
"""Of the rule files that are written."""

_POINTS = 101
_UNITS = {sideless(name): measure.unit for name, measure in CATALOGUE.items()}
_SECONDS = "cycle_duration"
_OWN = ("aliases", "cue_groups", "kind", "posture")


def record_of_proposal(
    proposal: Mapping[str, Any], rule_id: str, title: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Turn a proposal into the record of a rule file, with every source unverified.

    Parameters
    ----------
    proposal : mapping
        Fits the answer of ``rule_draft``.
    rule_id, title : str
        Identity of the rule.

    Returns
    -------
    record, reasons : dict
        The record without its section ``draft``, and the reasons for that section.
    """
    shown, joints = proposal["representative"], proposal["joints"]
    phases = [_phase(one, proposal["kind"]) for one in proposal["phases"]]
    record = {
        "schema_version": SCHEMA_VERSION,
        "id": rule_id,
        "version": 1,
        "title": title,
        **{key: proposal[key] for key in _OWN},
        "representative": {key: shown[key] for key in ("measure", "side", "extreme")},
        "phases": phases,
        "tempo_s": {
            "shortest": proposal["shortest_s"],
            "longest": proposal["longest_s"],
            "source": UNVERIFIED,
        },
        "joints": {
            role: [name for name in JOINT_NAMES if joints[name]["role"] == role]
            for role in ("dynamic", "static")
        },
        "constraints": [_constraint(one) for one in proposal["constraints"]],
        "reference": {
            "points": _POINTS,
            "start_phase": phases[0]["name"],
            "keys": [{"at": one["at"], "deg": one["deg"]} for one in proposal["reference"]],
        },
        "citations": {},
    }
    reasons = {
        "representative": shown["reason"],
        "joints": {name: joints[name]["reason"] for name in JOINT_NAMES},
        "constraints": {one["id"]: one["reason"] for one in proposal["constraints"]},
    }
    return record, reasons


def proposal_of_record(record: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Turn the record of a rule file into the proposal that it would come from.

    `reason` stands wherever a model would give one.
    """
    joints = record["joints"]
    role = {name: one for one in ("dynamic", "static") for name in joints[one]}
    return {
        **{key: record[key] for key in _OWN},
        "representative": {**record["representative"], "reason": reason},
        "phases": [
            {
                "name": one["name"],
                "at": one["at"],
                "is_key": "key" in one,
                "cue_phase": one.get("cue_phase", "between"),
            }
            for one in record["phases"]
        ],
        "shortest_s": record["tempo_s"]["shortest"],
        "longest_s": record["tempo_s"]["longest"],
        "joints": {name: {"role": role[name], "reason": reason} for name in JOINT_NAMES},
        "constraints": [
            {
                **{key: one[key] for key in ("id", "measure", "side", "check")},
                "phase": one.get("phase"),
                "low": one["target"][0],
                "high": one["target"][1],
                **{key: one[key] for key in ("tolerance", "priority", "joint")},
                "too_low": one["too_low"],
                "too_high": one["too_high"],
                "reason": reason,
            }
            for one in record["constraints"]
        ],
        "reference": record["reference"]["keys"],
    }


def _phase(one: Mapping[str, Any], kind: str) -> dict[str, Any]:
    phase: dict[str, Any] = {"name": one["name"], "at": one["at"]}
    if one["is_key"]:
        phase["key"] = True
    if kind != "hold":
        phase["cue_phase"] = one["cue_phase"]
    return phase


def _constraint(one: Mapping[str, Any]) -> dict[str, Any]:
    """Write a constraint; a phase that is null is left out, the unit is that of the measure."""
    return {
        **{key: one[key] for key in ("id", "measure", "side", "check")},
        **({} if one["phase"] is None else {"phase": one["phase"]}),
        "target": [one["low"], one["high"]],
        "tolerance": one["tolerance"],
        "unit": "s" if one["measure"] == _SECONDS else _UNITS[one["measure"]],
        **{key: one[key] for key in ("priority", "joint", "too_low", "too_high")},
        "source": UNVERIFIED,
    }
