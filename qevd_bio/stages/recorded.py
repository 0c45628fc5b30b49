"""Stage 1, another way: angles from files that others have measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from qevd_bio.capture.recorded.backend import RecordedConfig, recorded_file, recorded_motion
from qevd_bio.engine.stage import Resources
from qevd_bio.files.digest import sha256_file_once, sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.load import require_times_s
from qevd_bio.stages.kinematics import write_motion
from qevd_bio.stages.sessions import Sessions


@dataclass(frozen=True)
class RecordedKinematicsStage:
    """Read the motion of the person in each video from a file named after it."""

    sessions: Sessions
    root: Path
    config: RecordedConfig = field(default_factory=RecordedConfig)
    height_m: float | None = None
    name: str = "kinematics"
    version: int = 2
    reads: tuple[str, ...] = ()
    writes: str = "kinematics"
    resources: Resources = field(default_factory=Resources)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the recorded file, the frame times and the configuration."""
        record = self.sessions.by_id[video_id].record
        files = (recorded_file(self.root, record.video_id), record.timestamps_file)
        return {
            "config": sha256_json(["recorded", asdict(self.config), self.height_m]),
            **{f"file:{path.name}": sha256_file_once(path) for path in files if path.is_file()},
        }

    def setup(self) -> None:
        """Nothing is shared between videos."""

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Read one video's file and write its table of angles."""
        record = self.sessions.by_id[video_id].record
        path = recorded_file(self.root, record.video_id)
        read = recorded_motion(path, require_times_s(record), self.config)
        write_motion(video_id, read.motion, self.height_m, read.notes, out)
        return read.notes

    def teardown(self) -> None:
        """Nothing to let go of."""
