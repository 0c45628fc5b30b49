"""The curves of a video, read from its artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.exercises.rule import Rule
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.stages.sessions import Session
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_parquet
from qevd_bio.views.curves import Curve, CycleTimes, Target
from qevd_bio.views.formatting import finding_measure, measure_words

Row = Mapping[str, Any]


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
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    drawn: dict[int, list[Curve]] = {}
    for segment in session.segments:
        rule = session.rules.get(segment.index)
        frames = slice(segment.frame_start, min(segment.frame_end, len(motion.time_s)))
        if rule is None or frames.start >= frames.stop:
            continue
        own = [row for row in findings if row["segment_index"] == segment.index]
        names = _measures(rule, own)
        values = measure_values(names, motion.q[frames], skeleton, motion.gravity)
        said = [session.utterances[index].frame_start for index in segment.utterance_indices]
        said_s = tuple(float(motion.time_s[i]) for i in said if i < len(motion.time_s))
        times = tuple(
            CycleTimes(row["start_s"], row["key_s"], row["end_s"])
            for row in cycles
            if row["segment_index"] == segment.index
        )
        drawn[segment.index] = []
        for name in names:
            observed = all(motion.observed[DOF_INDEX[dof]] for dof in CATALOGUE[name].needs)
            curve = Curve(
                video_id=session.record.unit_id,
                segment_index=segment.index,
                exercise=segment.exercise_text,
                measure=name,
                label=measure_words(name),
                unit=CATALOGUE[name].unit,
                time_s=motion.time_s[frames],
                values=np.where(motion.valid[frames] & observed, values[name], np.nan),
                cycles=times,
                utterances_s=said_s,
                target=_key_target(name, rule, own),
            )
            drawn[segment.index].append(curve)
    return drawn


def _measures(rule: Rule, findings: Sequence[Row]) -> list[str]:
    """Name the representative measure, then the violated ones, each once."""
    name, side = rule.representative.measure, rule.representative.side
    own = {"none": [name], "r": [f"{name}_r"], "l": [f"{name}_l"]}
    names = own.get(side, [f"{name}_r", f"{name}_l"])
    names += [
        finding_measure(row) for row in findings if row["violated"] and row["check"] != "tempo"
    ]
    return list(dict.fromkeys(name for name in names if name in CATALOGUE))


def _key_target(measure: str, rule: Rule, findings: Sequence[Row]) -> Target | None:
    """Choose the dynamic check of the key phase, whose target the key frames should meet."""
    checks = [
        row for row in findings if finding_measure(row) == measure and row["check"] == "dynamic"
    ]
    checks.sort(key=lambda row: (row["phase"] != rule.key_phase.name, not row["violated"]))
    return finding_target(checks[0]) if checks else None


def finding_target(finding: Row) -> Target | None:
    """Read the target of a finding; None where it has no bound."""
    low, high, sigma = finding["target_low"], finding["target_high"], finding["sigma"]
    if low is None and high is None:
        return None
    return Target(low, high, finding["tolerance"], finding["guard"] * (sigma or 0.0))
