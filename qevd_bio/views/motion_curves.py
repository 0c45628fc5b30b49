"""The curves of a video, read from its artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.segments import Segment
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.stages.sessions import Session
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.views.curves import Curve
from qevd_bio.views.formatting import finding_measure, measure_words


def video_curves(session: Session, artifacts: Mapping[str, Path]) -> dict[int, list[Curve]]:
    """Compute what can be drawn of a video.

    Parameters
    ----------
    session : Session
        The video's source record, segments and rules.
    artifacts : mapping of str to Path
        Its kinematics, cycles and findings.

    Returns
    -------
    dict of int to list of Curve
        By segment index, for segments with a rule: the representative measure first, then every
        measure with a violated finding.
    """
    motion = motion_from_table(read_parquet(artifacts["kinematics"], kinematics_table.SCHEMA))
    cycles = read_parquet(artifacts["cycles"], cycle_table.SCHEMA).to_pylist()
    findings = read_parquet(artifacts["findings"], finding_table.SCHEMA).to_pylist()
    drawn: dict[int, list[Curve]] = {}
    for segment in session.segments:
        rule = session.rules.get(segment.index)
        frames = range(segment.frame_start, min(segment.frame_end, len(motion.time_s)))
        if rule is None or not frames:
            continue
        own = [row for row in findings if row["segment_index"] == segment.index]
        spans = tuple(
            (row["start_s"], row["key_s"], row["end_s"])
            for row in cycles
            if row["segment_index"] == segment.index
        )
        drawn[segment.index] = [
            _curve(session, segment, rule, motion, name, own, spans)
            for name in _measures(rule, own)
        ]
    return drawn


def _measures(rule: Rule, findings: list[dict[str, Any]]) -> list[str]:
    """Name the representative measure, then the violated ones, each once."""
    name, side = rule.representative.measure, rule.representative.side
    own = {"none": [name], "r": [f"{name}_r"], "l": [f"{name}_l"]}
    names = own.get(side, [f"{name}_r", f"{name}_l"])
    names += [
        finding_measure(row) for row in findings if row["violated"] and row["check"] != "tempo"
    ]
    return list(dict.fromkeys(name for name in names if name in CATALOGUE))


def _curve(
    session: Session,
    segment: Segment,
    rule: Rule,
    motion: Motion,
    measure: str,
    findings: list[dict[str, Any]],
    cycles: tuple[tuple[float, float, float], ...],
) -> Curve:
    frames = slice(segment.frame_start, min(segment.frame_end, len(motion.time_s)))
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    values = measure_values([measure], motion.q[frames], skeleton, motion.gravity)[measure]
    observed = all(motion.observed[DOF_INDEX[dof]] for dof in CATALOGUE[measure].needs)
    target = _target(measure, rule, findings)
    said = [session.utterances[index].frame_start for index in segment.utterance_indices]
    return Curve(
        video_id=session.record.unit_id,
        segment_index=segment.index,
        exercise=segment.exercise_text,
        measure=measure,
        label=measure_words(measure),
        unit=CATALOGUE[measure].unit,
        time_s=motion.time_s[frames],
        values=values if observed else np.full(len(values), np.nan),
        valid=motion.valid[frames],
        cycles=cycles,
        utterances_s=tuple(float(motion.time_s[i]) for i in said if i < len(motion.time_s)),
        target_low=target[0],
        target_high=target[1],
        tolerance=target[2],
    )


def _target(
    measure: str, rule: Rule, findings: list[dict[str, Any]]
) -> tuple[float | None, float | None, float]:
    """Choose the dynamic check of the key phase, whose band the key frames should meet."""
    checks = [
        row for row in findings if finding_measure(row) == measure and row["check"] == "dynamic"
    ]
    checks.sort(key=lambda row: (row["phase"] != rule.key_phase.name, not row["violated"]))
    if not checks:
        return None, None, 0.0
    return checks[0]["target_low"], checks[0]["target_high"], checks[0]["tolerance"]
