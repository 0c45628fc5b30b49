"""Next to stage 2: angles to the plausibility of the capture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from qevd_bio.engine.stage import Stage
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.capture_quality import capture_quality
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.tables import quality as quality_table
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.parquet import rows_table, schema_sha256, write_parquet


@dataclass(frozen=True)
class QualityStage(Stage):
    """Measure how plausible each capture is as the movement of a person."""

    name: str = "quality"
    version: int = 1
    reads: tuple[str, ...] = ("kinematics",)
    writes: str = "quality"
    schema_digest: str = schema_sha256(quality_table.SCHEMA)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name no other input: only the angles decide."""
        return {}

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Measure one video; the notes repeat its concerns."""
        motion = read_motion(inputs["kinematics"])
        found = capture_quality(motion, scaled_skeleton(motion.segment_lengths_m))
        row = {"video_id": video_id, **asdict(found)}
        write_parquet(rows_table([row], quality_table.SCHEMA), out)
        return {"concerns": list(found.concerns)}
