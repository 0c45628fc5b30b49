"""Recordings with counted repetitions as motions of this project, with the rule of each.

T frames

`read_recordings` keeps what it made as one npz a recording, because inverse kinematics of all of
them takes minutes; empty the cache folder when this file or the inverse kinematics changes.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.vicon_angles import HEIGHT_M, upright_rad, vicon_motion
from benchmarks.vicon_angles import read_recordings as read_vicon
from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS
from qevd_bio.skeleton.opensim_map import from_opensim

Spans = tuple[tuple[int, int], ...]
DOWN_IN_IMAGE = np.array([0.0, 1.0, 0.0])
DOWN_IN_ROOM = np.array([0.0, -1.0, 0.0])
SIGMA_DEG = 2.0
"""Taken for the noise of every angle (unverified)."""
SIDES = {"r": "right", "l": "left"}
MEDIAPIPE = {"shoulder": 11, "elbow": 13, "wrist": 15, "hip": 23, "knee": 25, "ankle": 27,
             "toe": 31}  # fmt: skip
"""Left points; the right ones follow."""
RULE_OF = {
    "squat": "squat", "push_up": "pushup", "jumping_jack": "jumping_jack", "pull_up": "pull_up",
    "sit_up": "sit_up", "front_raise": "front_raise", "bench_press": "bench_press", "dip": "dip",
    "do_two_jumping_jacks": "jumping_jack", "kick_front_left": "standing_kicks",
    "hop_both_legs": "squat_jumps", "m01": "squat", "m02": "standing_kicks",
    "m03": "walking_lunges", "m04": "walking_lunges", "m05": "squat", "m06": "standing_kicks",
    "m07": "shoulder_gators", "m10": "shoulder_gators", "m08": None, "m09": None,
    "Squat": "squat", "JumpJack": "jumping_jack",
}  # fmt: skip
"""None: no rule measures the movement."""
TRULY_NINE = "m03_s02_incorrect"
MARKED_IN_SECONDS = "stu6_68"


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording with its truth.

    Attributes
    ----------
    name, group, grade, exercise, subject : str
        Grade is A, B or C where the data has one, else empty. The subject is who or what the
        data is split by: a person, or the clip where persons are not known.
    rule_id : str or None
        Shipped or of `own_rules`; None: no rule measures the movement.
    motion : Motion
        All frames.
    least, most : int
        Repetitions; a cycle that the end of the clip cuts off may count or not.
    spans : tuple of (int, int)
        First and last frame of each marked repetition.
    """

    name: str
    group: str
    grade: str
    exercise: str
    subject: str
    rule_id: str | None
    motion: Motion
    least: int
    most: int
    spans: Spans

    @property
    def is_development(self) -> bool:
        """Whether the recording is of the half that values may be chosen on."""
        return in_development(self.subject)


def in_development(subject: str) -> bool:
    """Draw one half of all subjects by a fixed hash of their names."""
    return sha256(f"repetitions {subject}".encode()).digest()[0] % 2 == 0


def own_rules() -> dict[str, Rule]:
    """Return the shipped rules, and variants for exercises that none covers.

    A variant only names the joint that shows the movement, its posture and the joints that move;
    its tempo is that of the rule it is taken from.
    """
    rules = load_rules()

    def variant(of: str, name: str, **changes: Any) -> Rule:
        return replace(rules[of], id=name, title=name, aliases=(), posture="standing", **changes)

    made = [variant("pushup", "bench_press"), variant("pushup", "dip")]
    return rules | {rule.id: rule for rule in made}


def _motion(
    q: FloatArray,
    time_s: FloatArray,
    valid: BoolArray,
    observed: BoolArray,
    gravity: FloatArray,
    source: str,
) -> Motion:
    frames = len(q)
    first = int(np.flatnonzero(valid)[0])
    last_known = np.maximum.accumulate(np.where(valid, np.arange(frames), first))
    return Motion(
        q=q[last_known],
        time_s=time_s.astype(np.float64),
        confidence=np.where(valid, 0.9, 0.0),
        valid=valid,
        observed=observed,
        sigma_rad=np.where(observed, np.deg2rad(SIGMA_DEG), np.inf),
        gravity=gravity,
        gravity_source="camera",
        backend=source,
        betas=None,
        segment_lengths_m=segment_lengths_for_height(HEIGHT_M),
    )


def of_points(
    points: Mapping[str, FloatArray],
    time_s: FloatArray,
    valid: BoolArray,
    gravity: FloatArray,
    source: str,
) -> Motion:
    """Read joints (T, 3) named as in `BODY_JOINTS`; absent toes leave the ankles unobserved."""
    joints = np.stack([points[name] for name in BODY_JOINTS], axis=1).astype(np.float64)
    valid = valid & np.isfinite(joints).all(axis=(1, 2))
    q = np.zeros((len(joints), N_DOFS))
    q[valid] = inverse_kinematics(joints[valid])
    return _motion(unwrap_angles(q, valid), time_s, valid, observed_mask(), gravity, source)


def mediapipe(points: FloatArray) -> dict[str, FloatArray]:
    return {
        f"{name}_{side}": points[:, left + shift]
        for name, left in MEDIAPIPE.items()
        for side, shift in (("l", 0), ("r", 1))
    }


def of_columns(
    columns: Mapping[str, FloatArray], time_s: FloatArray, valid: BoolArray, source: str
) -> Motion:
    """Read angles (T,) in rad by DoF name; all others, those of the pelvis too, are unknown."""
    q = np.zeros((len(time_s), N_DOFS))
    observed = np.zeros(N_DOFS, dtype=bool)
    for name, values in columns.items():
        q[:, DOF_INDEX[name]] = values
        observed[DOF_INDEX[name]] = True
    return _motion(unwrap_angles(q, valid), time_s, valid, observed, DOWN_IN_IMAGE, source)


def _raised(side: str, elevation_rad: FloatArray) -> FloatArray:
    """Give the shoulder's x angle (T,) of an arm raised straight to the side."""
    return (np.pi / 2 - elevation_rad) * (1.0 if side == "r" else -1.0)


def interior(names: list[str], angles_deg: FloatArray) -> dict[str, FloatArray]:
    """Turn interior angles of joints into DoFs; an arm is raised to the side."""
    columns: dict[str, FloatArray] = {}
    for side in SIDES:
        bent = {
            name: np.deg2rad(180.0 - angles_deg[:, names.index(f"{name}_{side}")])
            for name in ("knee", "elbow", "hip")
        }
        raised = np.deg2rad(angles_deg[:, names.index(f"shoulder_{side}")])
        columns[f"knee_angle_{side}"] = bent["knee"]
        columns[f"hip_flexion_{side}"] = bent["hip"]
        columns[f"hip_adduction_{side}"] = columns[f"hip_rotation_{side}"] = 0.0 * raised
        columns[f"elbow_flexion_{side}"] = bent["elbow"]
        columns[f"shoulder_{side}_x"] = _raised(side, raised)
        columns[f"shoulder_{side}_y"] = columns[f"shoulder_{side}_z"] = 0.0 * raised
    return columns


def _rows(data: Path, *groups: str) -> Iterator[dict[str, Any]]:
    for row in json.loads((data / "manifest.json").read_text()):
        if row["group"] in groups:
            yield row


def _spans(starts: FloatArray, ends: FloatArray) -> Spans:
    return tuple(zip(starts.tolist(), ends.tolist(), strict=True))


def repcount_points(data: Path) -> Iterator[Recording]:
    """RepCount clips whose landmarks are there."""
    for row in _rows(data, "repcount_pose"):
        with np.load(data / row["path"]) as file:
            scale = np.insert(file["axis_scale"].astype(float), 0, 1.0, axis=1)
            points = file["landmarks_norm"].astype(float) * scale[:, None]
            valid, exercise, count = ~file["missed"], str(file["exercise"]), int(file["count"])
            in_seconds = row["id"].endswith(MARKED_IN_SECONDS)
            marks = file["cycles"] * (30 if in_seconds else 1)
        name = row["id"].split("/")[1]
        time_s = np.arange(len(valid)) / 30.0
        motion = of_points(mediapipe(points), time_s, valid, DOWN_IN_IMAGE, "MediaPipe")
        yield Recording(name, "RepCount", row["quality"], exercise, name, RULE_OF[exercise],
                        motion, count, count, _spans(*marks.T))  # fmt: skip


def repcount_angles(data: Path) -> Iterator[Recording]:
    """RepCount clips of which only interior angles are there."""
    for row in _rows(data / "more", "repcount_more"):
        with np.load(data / "more" / row["path"]) as file:
            angles, names = file["angles_deg"].astype(float), [str(n) for n in file["names"]]
            valid = ~file["missed"] & np.isfinite(angles).all(axis=1)
            spans, time_s = _spans(file["rep_start"], file["rep_end"]), file["time_s"]
            exercise, grade = str(file["exercise"]), str(file["quality"])
            count = int(file["count"])
        name = row["id"].split("/")[1]
        motion = of_columns(interior(names, angles), time_s, valid, "MediaPipe")
        yield Recording(name, "RepCount", grade, exercise, name, RULE_OF[exercise], motion,
                        count, count, spans)  # fmt: skip


def uiprmd_vicon(data: Path) -> Iterator[Recording]:
    """UI-PRMD m01 to m05, optical."""
    folder = data / "uiprmd" / "vicon"
    recordings = read_vicon(folder)
    upright = upright_rad(recordings)
    for one in recordings:
        with np.load(folder / f"{one.name}.npz") as file:
            spans = _spans(file["rep_start"], file["rep_end"])
        count = len(spans) - (one.name == TRULY_NINE)
        yield Recording(
            one.name, "UI-PRMD m01-m05", "", one.movement, f"uip{one.subject[1:]}",
            RULE_OF[one.movement], vicon_motion(one, upright[one.subject]), count, count, spans,
        )  # fmt: skip


_VICON = {"hip_flexion": "hip_{}_x", "hip_adduction": "hip_{}_y", "hip_rotation": "hip_{}_z",
          "knee_angle": "knee_{}_x", "ankle_angle": "ankle_{}_x",
          "elbow_flexion": "elbow_{}_x"}  # fmt: skip


def uiprmd_later(data: Path) -> Iterator[Recording]:
    """UI-PRMD m06 to m10, optical."""
    for row in _rows(data / "more", "uiprmd_m06_m10"):
        kind, movement, subject, _ = row["id"].split("/")[1].split("_")
        if kind != "vicon":
            continue
        with np.load(data / "more" / row["path"]) as file:
            names = [str(n) for n in file["names"]]
            angles = np.unwrap(np.deg2rad(file["angles_deg"].astype(float)), axis=0)
            spans, time_s = _spans(file["rep_start"], file["rep_end"]), file["time_s"]
            count = int(file["count"])
        columns = {
            f"{dof}_{side}": angles[:, names.index(column.format(side))]
            for dof, column in _VICON.items()
            for side in SIDES
        }
        for side in SIDES:
            raised = angles[:, names.index(f"shoulder_{side}_y")]
            columns[f"shoulder_{side}_x"] = _raised(side, raised)
            columns[f"shoulder_{side}_y"] = columns[f"shoulder_{side}_z"] = 0.0 * raised
        motion = of_columns(columns, time_s, np.ones(len(time_s), dtype=bool), "Vicon")
        yield Recording(row["id"].split("/")[1], "UI-PRMD m06-m10", "", movement,
                        f"uip{subject[1:]}", RULE_OF[movement], motion, count, count,
                        spans)  # fmt: skip


def points_with_counts(data: Path) -> Iterator[Recording]:
    """Read workouttracker, pushfit and web_videos: landmarks and a count."""
    for row in _rows(data / "more", "workouttracker", "pushfit", "web_videos"):
        if RULE_OF.get(row["exercise"]) is None or row.get("reps") is None:
            continue
        with np.load(data / "more" / row["path"]) as file:
            points, time_s = file["points"].astype(float), file["time_s"]
            least, most = int(file["count"]), int(file["count_hi"])
            subject, grade = str(file["subject"]), str(file["quality"])
        valid = np.isfinite(points).all(axis=(1, 2))
        motion = of_points(mediapipe(points), time_s, valid, DOWN_IN_IMAGE, "MediaPipe")
        yield Recording(row["id"].split("/")[1], row["group"], grade, row["exercise"], subject,
                        RULE_OF[row["exercise"]], motion, least, most, ())  # fmt: skip


def named_points(data: Path) -> Iterator[Recording]:
    """Optical and Kinect recordings of single executions: HDM05 and Kinder-Gator."""
    for row in _rows(data / "more", "hdm05_cut", "kinder_gator"):
        if RULE_OF.get(row["exercise"]) is None:
            continue
        with np.load(data / "more" / row["path"]) as file:
            names = [str(n) for n in file["point_names"]]
            points, time_s, subject = file["points"], file["time_s"], str(file["subject"])
            count = int(file["count"]) if "count" in file.files else 2
        joints = {
            f"{name}_{side}": points[
                :, names.index(f"{long}_{'foot_index' if name == 'toe' else name}")
            ].astype(float)
            for name in MEDIAPIPE
            for side, long in SIDES.items()
        }
        valid = np.isfinite(points).all(axis=(1, 2))
        motion = of_points(joints, time_s, valid, DOWN_IN_ROOM, row["group"])
        yield Recording(row["id"].split("/")[1], row["group"], "", row["exercise"], subject,
                        RULE_OF[row["exercise"]], motion, count, count, ())  # fmt: skip


def opencap(data: Path) -> Iterator[Recording]:
    """OpenCap squats."""
    for row in _rows(data, "opencap_opensim"):
        if not row["path"].endswith(".mot"):
            continue
        file = read_mot(data / row["path"])
        angles = {
            name: np.deg2rad(column) if file.in_degrees else column
            for name, column in file.columns.items()
            if not name.startswith("pelvis_t") or name == "pelvis_tilt"
        }
        q, observed = from_opensim(angles, DOWN_IN_ROOM)
        valid = np.ones(len(q), dtype=bool)
        name = Path(row["path"]).stem
        motion = _motion(unwrap_angles(q, valid), file.time_s, valid, observed, DOWN_IN_ROOM,
                         "OpenSim")  # fmt: skip
        yield Recording(name, "OpenCap", "", "squat", name, "squat", motion, row["reps"],
                        row["reps"], ())  # fmt: skip


def cmu(data: Path) -> Iterator[Recording]:
    """Read the counted segments of the CMU takes."""
    for row in _rows(data, "cmu_mocap6"):
        with gzip.open(data / row["path"], "rt") as file:
            frames = list(csv.DictReader(file))
        for segment in row["segments"]:
            rule_id = RULE_OF.get(segment["exercise"])
            if rule_id is None or not segment["count"]:
                continue
            part = frames[segment["start_frame"] : segment["end_frame"]]
            columns = {}
            for side in SIDES:
                one = {
                    name: np.unwrap(np.deg2rad([float(r[f"{side}{name}"]) for r in part]))
                    for name in ("femur_rx", "tibia_rx", "humerus_rx", "radius_rx")
                }
                columns[f"hip_flexion_{side}"] = -one["femur_rx"]
                columns[f"hip_adduction_{side}"] = columns[f"hip_rotation_{side}"] = (
                    0.0 * one["tibia_rx"]
                )
                columns[f"knee_angle_{side}"] = one["tibia_rx"]
                columns[f"elbow_flexion_{side}"] = one["radius_rx"]
                columns[f"shoulder_{side}_x"] = _raised(side, one["humerus_rx"])
                columns[f"shoulder_{side}_y"] = columns[f"shoulder_{side}_z"] = (
                    0.0 * one["tibia_rx"]
                )
            time_s = np.arange(len(part)) / 120.0
            motion = of_columns(columns, time_s, np.ones(len(part), dtype=bool), "CMU")
            name = f"{Path(row['path']).name.split('.')[0]} {segment['exercise']}"
            count = int(segment["count"])
            yield Recording(name, "CMU", "", segment["exercise"], name, rule_id, motion, count,
                            count, ())  # fmt: skip


SOURCES: tuple[Callable[[Path], Iterator[Recording]], ...] = (
    repcount_points, repcount_angles, uiprmd_vicon, uiprmd_later, points_with_counts,
    named_points, opencap, cmu,
)  # fmt: skip

_ARRAYS = ("q", "time_s", "confidence", "valid", "observed", "sigma_rad", "gravity")
_WORDS = ("name", "group", "grade", "exercise", "subject", "rule_id", "least", "most", "spans")


def read_recordings(data: Path, cache: Path) -> list[Recording]:
    """Read all recordings, from `cache` where they are there already."""
    cache.mkdir(parents=True, exist_ok=True)
    index = cache / "index.json"
    if not index.exists():
        words = []
        for number, one in enumerate(one for source in SOURCES for one in source(data)):
            arrays = {name: getattr(one.motion, name) for name in _ARRAYS}
            np.savez(cache / f"{number:04d}.npz", **arrays)
            words.append({name: getattr(one, name) for name in _WORDS} | {
                "backend": one.motion.backend, "lengths_m": dict(one.motion.segment_lengths_m)
            })  # fmt: skip
        index.write_text(json.dumps(words))
    return [
        _kept(cache / f"{number:04d}.npz", words)
        for number, words in enumerate(json.loads(index.read_text()))
    ]


def _kept(path: Path, words: dict[str, Any]) -> Recording:
    with np.load(path) as file:
        arrays = {name: file[name] for name in _ARRAYS}
    motion = Motion(
        **arrays, gravity_source="camera", backend=words.pop("backend"), betas=None,
        segment_lengths_m=words.pop("lengths_m"),
    )  # fmt: skip
    spans = tuple((int(a), int(b)) for a, b in words.pop("spans"))
    return Recording(**words, spans=spans, motion=motion)
