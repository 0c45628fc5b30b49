"""Stage 1: video to angles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qevd_bio.capture.backend import Backend, SourceVideo
from qevd_bio.capture.body_size import segment_ratios, with_height
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.engine.stage import Resources, Stage
from qevd_bio.exercises.expected import expected_exercise
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.load import require_times_s
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables.kinematics import motion_table
from qevd_bio.tables.parquet import schema_sha256, write_parquet


@dataclass(frozen=True)
class KinematicsStage(Stage):
    """Measure the motion of the person in each video.

    Attributes
    ----------
    sessions : Sessions
        The source data.
    backend : Backend
        How the motion is measured.
    height_m : float or None
        Height of the person in every video; None: the scale is unknown.
    height_of : mapping of str to float
        Heights by unit id; they come before `height_m`.
    """

    sessions: Sessions
    backend: Backend
    height_m: float | None = None
    height_of: Mapping[str, float] = field(default_factory=dict)
    name: str = "kinematics"
    version: int = 7
    writes: str = "kinematics"
    schema_digest: str = schema_sha256(kinematics_table.SCHEMA)

    @property
    def resources(self) -> Resources:
        """What one video occupies."""
        return Resources(gpus=self.backend.gpus)

    @property
    def units_in_hand(self) -> int:
        """As many as the backend takes at once."""
        return self.backend.videos_in_hand

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the backend, what it depends on, and the height."""
        return {
            "backend": f"{self.backend.name} {self.backend.version}",
            "height": sha256_json(self._height_m(video_id)),
            **self.backend.depends(self._source(video_id)),
        }

    def setup(self) -> None:
        """Set the backend up."""
        self.backend.setup()

    def loaded(self) -> Mapping[str, str]:
        """Name what the backend loaded."""
        return self.backend.loaded()

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Capture one video and write its table of angles."""
        times_s = require_times_s(self.sessions.by_id[video_id].record)
        captured = self.backend.capture(self._source(video_id), times_s)
        height_m, motion = self._height_m(video_id), captured.motion
        if height_m is not None:
            motion = with_height(motion, height_m)
        table, of_motion = motion_table(video_id, motion)
        body = {"segment_ratios": segment_ratios(motion.segment_lengths_m)}
        write_parquet(table, out, notes={**of_motion, "body": body, "capture": captured.notes})
        concerns = {"concerns": list(captured.concerns)} if captured.concerns else {}
        return {**captured.notes, **concerns}

    def teardown(self) -> None:
        """Release what the backend holds."""
        self.backend.teardown()

    def _height_m(self, video_id: str) -> float | None:
        return self.height_of.get(video_id, self.height_m)

    def _source(self, video_id: str) -> SourceVideo:
        session = self.sessions.by_id[video_id]
        record = session.record
        return SourceVideo(
            record.video_id,
            record.video_file,
            record.timestamps_file,
            _expected(session),
            record.times_sha256,
        )


def _expected(session: Session) -> tuple[ExpectedExercise, ...]:
    """Say what a session's rules tell about who exercises, and which way up."""
    return tuple(
        expected_exercise(session.rules[segment.index], segment.frame_start, segment.frame_end)
        for segment in session.segments
        if segment.index in session.rules
    )
