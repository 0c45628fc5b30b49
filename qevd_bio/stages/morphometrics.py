"""Next to stage 2: shape numbers to the measurements of the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qevd_bio.body.landmarks import SMPL_LANDMARKS, read_landmarks
from qevd_bio.body.person import measure_person
from qevd_bio.body.plausible import flags_of
from qevd_bio.body.shape_average import AveragedShape, average_shape
from qevd_bio.body.shape_model import ShapeModel, shape_model_of
from qevd_bio.body.shapy_file import FILE_OF_SPLIT, PERSON_PREFIX, read_shapy
from qevd_bio.capture.backend import MEDIAPIPE
from qevd_bio.capture.body_size import segment_ratios
from qevd_bio.engine.stage import Stage
from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file_once, sha256_json
from qevd_bio.files.input_file import noted_reads
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.record import Motion
from qevd_bio.stages.body_sources import BodySources
from qevd_bio.stages.sessions import Sessions
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.morphometrics import MEASURES, SCHEMA, SEGMENTS
from qevd_bio.tables.parquet import rows_table, schema_sha256, write_parquet
from qevd_bio.weights.store import WeightFolder

BODY_NAMES = ("skel_male", "smpl_male")
"""Imported bodies that HSMR's shape numbers are of; the first that is there is used."""

_DECIMALS, _LENGTH_DECIMALS, _SHAPE_DECIMALS = 2, 4, 6


@dataclass
class MorphometricsStage(Stage):
    """Measure the body of the person in each video."""

    sessions: Sessions
    sources: BodySources = field(default_factory=BodySources)
    name: str = "morphometrics"
    version: int = 1
    reads: tuple[str, ...] = ("kinematics",)
    writes: str = "morphometrics"
    schema_digest: str = schema_sha256(SCHEMA)

    def __post_init__(self) -> None:
        self._model: ShapeModel | None = None
        self._model_digests: dict[str, str] = {}
        self._shapy: dict[str, dict[str, dict[str, float]]] = {}
        root = self.sources.shapy_root
        for split in sorted({one.record.split for one in self.sessions.by_id.values()}):
            if root is not None:
                self._shapy[split] = read_shapy(root / FILE_OF_SPLIT[split])

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the body and its landmarks, or what SHAPY measured of this video."""
        if self.sources.shapy_root is not None:
            return {"shapy": sha256_json(self._shapy_entry(video_id))}
        name, found = self._body_name(), {}
        if name is not None and self.sources.weights is not None:
            found["body"] = f"{name} {WeightFolder(self.sources.weights).digest(name)}"
            found["landmarks"] = sha256_file_once(self._landmark_file())
        return found

    def setup(self) -> None:
        """Load the body that shapes are measured on."""
        name = self._body_name()
        self._model_digests = {}
        if self.sources.shapy_root is not None:
            return
        if name is None or self.sources.weights is None:
            self._model_digests = {"body": "", "landmarks": ""}
            return
        weights = WeightFolder(self.sources.weights).load(name)
        with noted_reads() as noted:
            landmarks = read_landmarks(self._landmark_file())
        self._model = shape_model_of(
            weights.arrays(), name=name, sha256=weights.sha256, landmarks=landmarks
        )
        self._model_digests = {
            "body": f"{name} {weights.sha256}",
            "landmarks": noted.digests[-1][1],
        }

    def loaded(self) -> Mapping[str, str]:
        """Name the body and the landmarks that were loaded; empty where there are none."""
        return self._model_digests

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Write the one row of a video; the notes repeat source and flags."""
        motion = read_motion(inputs["kinematics"])
        shape = _shape(motion)
        row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
        row |= {"video_id": video_id, "source": "none", "flags": [], "reason": ""}
        row |= columns_of_capture(motion)
        if self.sources.shapy_root is not None:
            row |= self._from_shapy(video_id, motion.height_m)
        elif shape is None:
            row["reason"] = f"the {motion.backend} capture gives no shape of the body"
        elif self._model is None:
            row["reason"] = (
                f"there is no body to measure the shape on: import {' or '.join(BODY_NAMES)}"
            )
        else:
            row |= _from_betas(video_id, self._model, shape, motion.height_m)
        if row["source"] == "none" and motion.height_m is not None:
            row |= {"source": "height", "height_m": round(motion.height_m, _DECIMALS)}
        write_parquet(rows_table([row], SCHEMA), out)
        return {"source": row["source"], "flags": row["flags"]}

    def teardown(self) -> None:
        """Release the body."""
        self._model = None

    def _body_name(self) -> str | None:
        if self.sources.weights is None:
            return None
        present = WeightFolder(self.sources.weights).present()
        return next((name for name in BODY_NAMES if name in present), None)

    def _landmark_file(self) -> Path:
        return self.sources.landmarks or SMPL_LANDMARKS

    def _shapy_entry(self, video_id: str) -> dict[str, float] | None:
        record = self.sessions.by_id[video_id].record
        return self._shapy[record.split].get(record.video_id)

    def _from_shapy(self, video_id: str, given_height_m: float | None) -> dict[str, Any]:
        measured = self._shapy_entry(video_id)
        if measured is None:
            record = self.sessions.by_id[video_id].record
            file = FILE_OF_SPLIT[record.split]
            return {"reason": f"{file} holds no {PERSON_PREFIX}{record.video_id}"}
        flags = flags_of(measured, given_height_m=given_height_m)
        return {"source": "shapy", "flags": list(flags)} | _rounded(measured)


def _rounded(measured: Mapping[str, float]) -> dict[str, float]:
    return {name: round(measured[name], _DECIMALS) for name in MEASURES}


def _from_betas(
    video_id: str, model: ShapeModel, shape: AveragedShape, given_height_m: float | None
) -> dict[str, Any]:
    try:
        person = measure_person(model, shape, given_height_m)
    except ValueError as error:
        raise DataError(
            f"its shape numbers make no body that can be measured ({error})",
            where=f"video {video_id}",
            next_step="Look at the betas of its kinematics; capture the video again",
        ) from error
    lengths = _length_columns(person.lengths_m, "body") if person.lengths_m else {}
    return {
        "source": "betas",
        "shape_space": model.name,
        "shape_sha256": model.sha256,
        "flags": list(person.flags),
        **_rounded(person.measured),
        **lengths,
    }


def _shape_columns(shape: AveragedShape | None) -> dict[str, Any]:
    if shape is None:
        return {}
    return {
        "betas": [round(float(value), _SHAPE_DECIMALS) for value in shape.betas],
        "betas_frames": shape.frames,
        "betas_frames_left_out": shape.frames_left_out,
        "betas_spread": None if shape.spread is None else round(shape.spread, _SHAPE_DECIMALS),
    }


def columns_of_capture(motion: Motion) -> dict[str, Any]:
    """Write the columns that follow from the capture alone: lengths, height and mean shape."""
    return _capture_columns(motion) | _shape_columns(_shape(motion))


def _shape(motion: Motion) -> AveragedShape | None:
    return None if motion.betas is None else average_shape(motion.betas, motion.time_s)


def _capture_columns(motion: Motion) -> dict[str, Any]:
    """Write the given height, and the lengths of a capture that fits them to the picture."""
    given = {"given_height_m": motion.height_m}
    if motion.backend != MEDIAPIPE:
        return given
    columns = _length_columns(motion.segment_lengths_m, "capture")
    if motion.height_m is None:
        columns |= {f"{name}_m": None for name in SEGMENTS}
    return given | columns


def _length_columns(lengths_m: Mapping[str, float], source: str) -> dict[str, Any]:
    ratios = segment_ratios(lengths_m)
    return {
        "segment_source": source,
        **{f"{name}_m": round(lengths_m[name], _LENGTH_DECIMALS) for name in SEGMENTS},
        **{f"{name}_ratio": round(ratios[name], _LENGTH_DECIMALS) for name in SEGMENTS},
    }
