"""The coach's tables: repetitions, findings and angles of a video, as Parquet and CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from qevd_bio.coach.coached import CoachedVideo, measured_texts
from qevd_bio.exercises.motion_parts import unobserved
from qevd_bio.files.atomic import atomic_path
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables.columns import column
from qevd_bio.tables.parquet import read_parquet, rows_table, write_parquet

REPETITIONS: pa.Schema = pa.schema(
    [
        column("video_id", pa.string(), "Name of the video"),
        column("exercise", pa.string(), "Rule it was checked by"),
        column("set", pa.int32(), "Number of the set, from 1"),
        column("repetition", pa.int32(), "Number in the video, from 1"),
        column("kind", pa.string(), "cycle, half (one side of an alternating movement) or hold"),
        column("side", pa.string(), "Leading side, r or l", nullable=True),
        column("counted", pa.string(), "full, or cut: the recording shows a part of it only"),
        column("start_s", pa.float64(), "Beginning, from the first frame", unit="s"),
        column("key_s", pa.float64(), "Extreme of the movement", unit="s"),
        column("end_s", pa.float64(), "End", unit="s"),
        column("duration_s", pa.float64(), "From beginning to end", unit="s"),
        column("form_errors", pa.int32(), "Number of independent form errors"),
        column("sentences", pa.string(), "One sentence or two a form error"),
        column("measured", pa.string(), "What was measured, with its targets"),
    ]
)

ANGLES: pa.Schema = pa.schema(
    [
        column("video_id", pa.string(), "Name of the video"),
        column("frame", pa.int32(), "Number of the frame, from 0", unit="frames"),
        column("time_s", pa.float64(), "Time from the first frame", unit="s"),
        column("confidence", pa.float64(), "0 nobody seen, 1 all key points clearly seen"),
        *(
            column(
                f"{name}_{one.unit}",
                pa.float64(),
                f"{one.definition}; null where not measured",
                unit=one.unit,
                nullable=True,
            )
            for name, one in CATALOGUE.items()
        ),
    ]
)


def repetition_table(video: CoachedVideo) -> pa.Table:
    """Lay out the repetitions of a video, one row each."""
    first_s = float(video.analysed.motion.time_s[0])
    rows = [
        {
            "video_id": video.analysed.video_id,
            "exercise": video.rule.id,
            "set": one.set_number,
            "repetition": one.number,
            "kind": one.cycle.kind,
            "side": one.cycle.side,
            "counted": one.cycle.counted,
            "start_s": round(one.cycle.start_s - first_s, 6),
            "key_s": round(one.cycle.key_s - first_s, 6),
            "end_s": round(one.cycle.end_s - first_s, 6),
            "duration_s": round(one.cycle.end_s - one.cycle.start_s, 6),
            "form_errors": len(one.sentences),
            "sentences": " ".join(one.sentences),
            "measured": "; ".join(measured_texts(one, video.rule)),
        }
        for one in video.repetitions
    ]
    return rows_table(rows, REPETITIONS)


def finding_rows(video: CoachedVideo) -> pa.Table:
    """Return the findings as the pipeline's own table has them."""
    return read_parquet(video.analysis.artifacts["findings"], finding_table.SCHEMA)


def angle_table(video: CoachedVideo) -> pa.Table:
    """Compute every measure of the catalogue in every frame; null where it is not measured."""
    motion = video.analysed.motion
    values = measure_values(
        list(CATALOGUE), motion.q, scaled_skeleton(motion.segment_lengths_m), motion.gravity
    )
    frames = len(motion.time_s)
    columns: list[Any] = [
        pa.array([video.analysed.video_id] * frames, pa.string()),
        pa.array(np.arange(frames), pa.int32()),
        pa.array(np.round(motion.time_s - motion.time_s[0], 6), pa.float64()),
        pa.array(np.round(motion.confidence, 4), pa.float64()),
    ]
    for name in CATALOGUE:
        known = motion.valid & np.isfinite(values[name]) & (not unobserved(name, motion))
        columns.append(pa.array(np.round(values[name], 3), pa.float64(), mask=~known))
    return pa.Table.from_arrays(columns, schema=ANGLES)


def write_tables(video: CoachedVideo, folder: Path) -> dict[str, Path]:
    """Write the tables, each as Parquet and as CSV; return the files by name."""
    tables = {
        "repetitions": repetition_table(video),
        "findings": finding_rows(video),
        "angles": angle_table(video),
    }
    files: dict[str, Path] = {}
    for name, table in tables.items():
        files[f"{name}.parquet"] = folder / f"{name}.parquet"
        write_parquet(table, folder / f"{name}.parquet")
        files[f"{name}.csv"] = folder / f"{name}.csv"
        with atomic_path(folder / f"{name}.csv") as temporary:
            csv.write_csv(table, temporary)
    return files
