"""Stage 1: video to angles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qevd_bio.capture.body_size import segment_ratios, with_height
from qevd_bio.capture.config import CaptureConfig
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.person.landmarks import pose_class
from qevd_bio.engine.stage import Resources
from qevd_bio.errors import VideoError
from qevd_bio.files.digest import sha256_file_once, sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.load import require_times_s
from qevd_bio.qevd.record import Record
from qevd_bio.stages.sessions import Sessions
from qevd_bio.tables.kinematics import motion_table
from qevd_bio.tables.parquet import write_parquet


def installed(package: str) -> str:
    """Return the version of an installed package, or ``absent``."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def write_motion(
    video_id: str,
    motion: Motion,
    height_m: float | None,
    notes: Mapping[str, int | float | str | bool],
    out: Path,
) -> None:
    """Write a captured motion, scaled to the person's height when it is known."""
    sized = motion if height_m is None else with_height(motion, height_m)
    table, of_motion = motion_table(video_id, sized)
    ratios = {"segment_ratios": segment_ratios(sized.segment_lengths_m)}
    write_parquet(table, out, notes={**of_motion, "body": ratios, "capture": notes})


def video_and_times(record: Record) -> tuple[Path, Path]:
    """Name the files of a video; `VideoError` when the video itself is absent."""
    if not record.video_file.is_file():
        raise VideoError(
            "the video is absent",
            where=str(record.video_file),
            next_step="Restore the file and run again; only this video will run",
        )
    return record.video_file, record.timestamps_file


@dataclass(frozen=True)
class KinematicsStage:
    """Measure the motion of the person in each video."""

    sessions: Sessions
    config: CaptureConfig = field(default_factory=CaptureConfig)
    height_m: float | None = None
    name: str = "kinematics"
    version: int = 6
    reads: tuple[str, ...] = ()
    writes: str = "kinematics"
    resources: Resources = field(default_factory=Resources)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the video, its frame times and the configuration."""
        files = video_and_times(self.sessions.by_id[video_id].record)
        return {
            "config": sha256_json([asdict(self.config), self.height_m]),
            **{f"package:{name}": installed(name) for name in ("mediapipe", "av")},
            **{f"file:{path.name}": sha256_file_once(path) for path in files if path.is_file()},
        }

    def setup(self) -> None:
        """Check that the landmark backend is there before any video is touched."""
        pose_class()

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Capture one video and write its table of angles."""
        record = self.sessions.by_id[video_id].record
        captured = capture_motion(
            record.video_file, require_times_s(record), video_id=video_id, config=self.config
        )
        write_motion(video_id, captured.motion, self.height_m, captured.notes, out)
        return captured.notes

    def teardown(self) -> None:
        """Nothing to let go of."""
