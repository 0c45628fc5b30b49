"""Artifacts of made-up videos, small enough to check by eye."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.feedback.context_stream import due_frames
from qevd_bio.feedback.contexts import motion_context
from qevd_bio.feedback.pose import PoseAngle
from qevd_bio.files.digest import sha256_file
from qevd_bio.motion.record import Motion
from qevd_bio.release.publish import publish as publish_input
from qevd_bio.release.shards import ROWS_PER_SHARD
from qevd_bio.released.contents import PublishedVideo, Release, ReleaseInput
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import DOF_INDEX, DOF_NAMES, N_DOFS
from qevd_bio.tables import annotations, kinematics
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.tables.parquet import read_parquet, rows_table, write_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.tables.published_table import PublishedTable

START_S = 1690028800.2981102
UNOBSERVED = ("wrist_flexion_r", "pro_sup_l")


def motion(frames: int, seed: int = 0) -> Motion:
    """A random motion with the DoFs of `UNOBSERVED` unobserved."""
    rng = np.random.default_rng(seed)
    observed = np.array([name not in UNOBSERVED for name in DOF_NAMES])
    return Motion(
        q=np.where(observed, rng.normal(0.0, 0.5, (frames, N_DOFS)), 0.0),
        time_s=START_S + np.arange(frames) / 30.0,
        confidence=np.full(frames, 0.9),
        valid=np.arange(frames) != 1,
        observed=observed,
        sigma_rad=np.where(observed, 0.05, np.inf),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="mediapipe",
        betas=None,
        segment_lengths_m=segment_lengths_for_height(1.75),
        root_m=np.column_stack([np.zeros((frames, 2)), np.full(frames, 3.0)]),
        focal_share=1.2,
    )


def finding(**changed: Any) -> dict[str, Any]:
    """A squat that is 18 degrees too shallow."""
    return {
        "constraint_id": "depth",
        "measure": "knee_flexion",
        "joint": "knee",
        "side": "r",
        "check": "dynamic",
        "phase": "bottom",
        "key_frame": 5,
        "key_s": _time_s(5),
        "measured": 72.0,
        "target_low": 90.0,
        "target_high": 120.0,
        "deviation": -18.0,
        "sigma": 3.0,
        "unit": "deg",
        "tolerance": 10.0,
        "guard": 2.0,
        "violated": True,
        "severity": 0.8,
        "priority": "high",
        "status": "measured",
        "reason": "",
        "instruction": "Increase knee flexion",
    } | changed


def annotation(video_id: str, index: int, **changed: Any) -> dict[str, Any]:
    """An utterance that was rewritten because of `finding`."""
    cycle = {
        "cycle_index": 0,
        "kind": "cycle",
        "side": None,
        "cut": None,
        "start_s": START_S,
        "key_s": _time_s(5),
        "end_s": _time_s(8),
        "phase": "bottom",
        "quality": 0.9,
        "quality_cosine": 0.9,
        "quality_pearson": 0.9,
        "quality_velocity": 0.9,
        "quality_amplitude": 0.9,
    }
    return {
        "video_id": video_id,
        "segment_index": 0,
        "exercise_text": "squats",
        "exercise": "squat",
        "feedback_index": index,
        "timestamp_s": START_S + 1.7 + index,
        "video_time_s": None,
        "frame_start": 51 + 30 * index,
        "frame_end": 60 + 30 * index,
        "is_transition": False,
        "kind": "corrective",
        "kind_source": "cues",
        "kind_confidence": 1.0,
        "feedback_original": "Go lower on your squats!",
        "feedback": "Go lower on your squats: your knees bend 72°, aim for 90°.",
        "status": "rewritten",
        "reason": "knee flexion 18° short of the target",
        "motion_context": "Violations: none.",
        "morphology_context": "",
        "salient_joints": ["tibia_r"],
        "salient_source": "rules",
        "pose": [],
        "cycle": cycle,
        "findings": [{**finding(), "matches_cue": True, "spoken": True}],
        "angles_from": "whole_clip",
        "review": None,
        "provenance": {
            "kinematics_sha256": "0" * 64,
            "findings_sha256": None,
            "rule_version": 1,
            "generator_version": "0.1.0",
        },
    } | changed


def kept(video_id: str, index: int, text: str = "Nice!") -> dict[str, Any]:
    """An utterance that stays as it was."""
    return annotation(
        video_id,
        index,
        segment_index=None,
        feedback_original=text,
        feedback=text,
        status="kept",
        reason="nothing to correct",
        motion_context="",
        salient_joints=[],
        salient_source=None,
        pose=[],
        cycle=None,
        findings=[],
    )


def cycle(video_id: str, index: int) -> dict[str, Any]:
    """A repetition of nine frames."""
    start = 9 * index
    return {
        "video_id": video_id,
        "segment_index": 0,
        "cycle_index": index,
        "counted": "full",
        "exercise": "squat",
        "kind": "cycle",
        "side": None,
        "cut": None,
        "frame_start": start,
        "frame_key": start + 5,
        "frame_end": start + 8,
        "start_s": _time_s(start),
        "key_s": _time_s(start + 5),
        "end_s": _time_s(start + 8),
        "video_start_s": _time_s(start) - START_S,
        "video_key_s": _time_s(start + 5) - START_S,
        "video_end_s": _time_s(start + 8) - START_S,
        "quality": 0.9,
        "quality_cosine": 0.9,
        "quality_pearson": 0.9,
        "quality_velocity": 0.9,
        "quality_amplitude": 0.9,
        "rule_version": 1,
    }


SPOKEN_FRAME = 12
"""First frame of `quantified`, after the end of the first repetition."""

FIRST_KNOWN = 3
"""The row of `contexts` with which the first repetition becomes known."""


def contexts(video_id: str, moved: Motion, n_cycles: int) -> list[dict[str, Any]]:
    """Rows of one exercise; its first repetition becomes known half a second after its end."""
    known = [finding(constraint_id=name) for name in ("stance", "depth")]
    rows = []
    for i, frame in enumerate(due_frames(moved.time_s.tolist())):
        knee_deg = float(np.rad2deg(np.float32(moved.q[frame, DOF_INDEX["knee_angle_r"]])))
        pose = [PoseAngle("knee_angle_r", knee_deg)]
        has_cycle = n_cycles > 0 and i >= FIRST_KNOWN
        found = [finding_from_row(one) for one in known] if has_cycle else None
        changed = {
            "frame": frame,
            "time_s": _time_s(frame),
            "video_time_s": _time_s(frame) - START_S,
            "clip_s": _time_s(frame) - START_S,
            "exercise_text": "squats",
            "exercise": "squat",
            "rule_version": 1,
            "phase": "standing",
            "salient_joints": ["tibia_r"],
            "salient_source": "rules",
            "motion_context": motion_context(found, pose),
            "angles_from": "whole_clip",
        }
        if has_cycle:
            changed["cycle"] = {
                "kind": "cycle",
                "side": None,
                "cut": None,
                "start_s": START_S,
                "key_s": _time_s(5),
                "end_s": _time_s(8),
                "known_s": _time_s(23),
            }
            changed |= {
                "cycle_count": 1,
                "is_refresh": i == FIRST_KNOWN,
                "findings": known * (i == FIRST_KNOWN),
            }
        rows.append(made_row(TABLES["contexts"], video_id, **changed))
    return rows


def made_row(table: PublishedTable, video_id: str, **changed: Any) -> dict[str, Any]:
    """A row of any table: null where it may be, else the first choice, zero or empty."""
    row = {
        field.name: None if field.nullable else _empty(field.type, table.choices.get(field.name))
        for field in table.schema
    }
    return row | {"video_id": video_id} | changed


def _empty(kind: pa.DataType, choices: tuple[str, ...] | None = None) -> Any:
    if pa.types.is_struct(kind):
        return {field.name: None if field.nullable else _empty(field.type) for field in kind}
    if pa.types.is_list(kind):
        return []
    if pa.types.is_string(kind):
        return choices[0] if choices else ""
    return False if pa.types.is_boolean(kind) else 0


def quantified(video_id: str, index: int, motion: Motion) -> dict[str, Any]:
    """An utterance rewritten by its findings, with the pose of `SPOKEN_FRAME`."""
    knee_rad = np.float32(motion.q[SPOKEN_FRAME, DOF_INDEX["knee_angle_r"]])
    knee_deg = float(np.rad2deg(float(knee_rad)))
    checked = [
        {**finding(constraint_id=name), "matches_cue": True, "spoken": name == "depth"}
        for name in ("stance", "depth")
    ]
    return annotation(
        video_id,
        index,
        frame_start=SPOKEN_FRAME,
        frame_end=SPOKEN_FRAME + 3,
        video_time_s=_time_s(SPOKEN_FRAME) - START_S,
        feedback="Right knee flexion 72° (target: 90°). Increase right knee flexion by 18°.",
        motion_context=f"Pose state: right knee flexion {knee_deg:.0f}°. Violations: none.",
        pose=[{"name": "knee_angle_r", "angle_deg": knee_deg}],
        findings=checked,
    )


def published(
    folder: Path, video_id: str, split: str, *, frames: int = 20, n_cycles: int = 2
) -> PublishedVideo:
    """Write an artifact of every table for a video, which agree; annotations are out of order."""
    paths = {name: folder / video_id / f"{name}.parquet" for name in TABLES}
    moved = motion(frames, seed=len(video_id))
    table, notes = kinematics.motion_table(video_id, moved)
    write_parquet(table, paths["kinematics"], notes={**notes, "rotation_deg": 90})
    checked = [
        {
            "video_id": video_id,
            "segment_index": 0,
            "cycle_index": index,
            "exercise": "squat",
            **finding(constraint_id=name, key_frame=9 * index + 5, key_s=_time_s(9 * index + 5)),
            "video_key_s": _time_s(9 * index + 5) - START_S,
        }
        for index in range(n_cycles)
        for name in ("stance", "depth")
    ]
    seen = {"frames": frames, "start_s": START_S, "duration_s": _time_s(frames - 1) - START_S}
    body = {"source": "none", "reason": "the mediapipe capture gives no shape of the body"}
    rows = {
        "contexts": contexts(video_id, moved, n_cycles),
        "cycles": [cycle(video_id, index) for index in reversed(range(n_cycles))],
        "findings": checked,
        "quality": [made_row(TABLES["quality"], video_id, root_source="contact", **seen)],
        "morphometrics": [made_row(TABLES["morphometrics"], video_id, **body)],
    }
    for name in [name for name in TABLES if name not in ("kinematics", "annotations")]:
        own = rows.get(name, [made_row(TABLES[name], video_id)])
        write_parquet(rows_table(own, TABLES[name].schema), paths[name])
    said = [kept(video_id, 1), quantified(video_id, 0, moved) if n_cycles else kept(video_id, 0)]
    for row in said:
        row["provenance"]["kinematics_sha256"] = sha256_file(paths["kinematics"])
    write_parquet(rows_table(said, annotations.SCHEMA), paths["annotations"])
    return PublishedVideo(video_id, split, paths)


def publish(
    videos: Sequence[PublishedVideo],
    *,
    out: Path,
    version: str = "1.0.0",
    rows_per_shard: int = ROWS_PER_SHARD,
    previous: Path | None = None,
    date: str | None = None,
    url: str | None = None,
    check: Callable[[Path], None] | None = None,
    **given: Any,
) -> Release:
    """`publish.publish` of videos, with the fields of `ReleaseInput` as keywords."""
    return publish_input(
        ReleaseInput(videos, **given),
        out=out,
        version=version,
        rows_per_shard=rows_per_shard,
        previous=previous,
        date=date,
        url=url,
        check=check,
    )


def source_record(video: PublishedVideo) -> dict[str, Any]:
    """The record of an annotation file with the utterances of `published`."""
    rows = read_parquet(video.artifacts["annotations"], annotations.SCHEMA)
    said = rows.sort_by("feedback_index").to_pylist()
    dense = [""] * 100
    for row in said:
        dense[row["frame_start"] : row["frame_end"]] = [row["feedback_original"]] * (
            row["frame_end"] - row["frame_start"]
        )
    return {
        "long_range_video_file": f"./long_range_videos/{video.video_id}.mp4",
        "video_timestamps": f"./long_range_videos/{video.video_id}_timestamps.npy",
        "feedbacks": dense,
        "feedback_timestamps": [row["timestamp_s"] for row in said],
        "is_transition": [row["is_transition"] for row in said],
    }


def _time_s(frame: int) -> float:
    return START_S + frame / 30.0
