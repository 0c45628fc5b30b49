"""What publishing costs: writing kinematics beside pandas, and memory for 1.3 million frames.

Run ``python -m benchmarks.release``; needs no recordings. `--frames` publishes fewer.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.ndimage import gaussian_filter1d

from qevd_bio.motion.record import Motion
from qevd_bio.release.publish import publish
from qevd_bio.release.shards import release_schema, write_tables
from qevd_bio.released.contents import PublishedVideo, ReleaseInput
from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.tables import kinematics
from qevd_bio.tables.annotations import CYCLE
from qevd_bio.tables.left_out import empty_columns
from qevd_bio.tables.parquet import rows_table, write_parquet
from qevd_bio.tables.published import TABLES

FRAMES = 1_300_000
FRAMES_PER_VIDEO = 5_800
FRAME_HZ = 30.0
KINDS = 8
NOISE_RAD = 0.02
REPETITIONS = 7
WINDOWS = 300
START_S = 1690028800.2981102
GENERATOR = {"benchmark": "1"}


def made_motion(kind: int, *, frame_sigma: bool) -> Motion:
    """Sines of two to seven seconds with noise as smooth as a filtered capture's."""
    rng = np.random.default_rng(kind)
    seconds = np.arange(FRAMES_PER_VIDEO) / FRAME_HZ
    period_s = 2.0 + 0.1 * np.arange(N_DOFS)
    wave = 0.6 * np.sin(2 * np.pi * seconds[:, None] / period_s + rng.uniform(0, 6, N_DOFS))
    noise = gaussian_filter1d(rng.normal(0, NOISE_RAD, wave.shape), 2, axis=0)
    slow_noise = gaussian_filter1d(rng.normal(0, NOISE_RAD, wave.shape), 4, axis=0)
    return Motion(
        q=wave + noise,
        time_s=START_S + seconds,
        confidence=rng.uniform(0.8, 1.0, len(seconds)),
        valid=np.ones(len(seconds), np.bool_),
        observed=np.ones(N_DOFS, np.bool_),
        sigma_rad=np.full(N_DOFS, 0.05),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m={"thigh": 0.42},
        root_m=np.cumsum(rng.normal(0, 0.002, (len(seconds), 3)), axis=0),
        focal_share=1.2,
        frame_sigma_rad=0.05 + np.abs(slow_noise) if frame_sigma else None,
    )


def video_table(video_id: str, kind: int, *, frame_sigma: bool) -> tuple[pa.Table, dict[str, Any]]:
    return kinematics.motion_table(video_id, made_motion(kind, frame_sigma=frame_sigma))


def raw_bytes(table: pa.Table) -> int:
    """Bytes of the columns that hold a value: those that a release holds."""
    filled = [name for name in table.column_names if table[name].null_count < table.num_rows]
    return int(table.select(filled).nbytes)


def seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def write_speed(folder: Path, *, frame_sigma: bool) -> None:
    videos = 2 * (125_000 // FRAMES_PER_VIDEO)
    tables = [
        video_table(f"{number:04d}", number, frame_sigma=frame_sigma)[0]
        for number in range(videos)
    ]
    whole = pa.concat_tables(tables).combine_chunks()
    frame = whole.to_pandas()
    raw = raw_bytes(whole)
    halves = [tables[: videos // 2], tables[videos // 2 :]]
    files = [folder / "first.parquet", folder / "second.parquet"]

    def ours() -> None:
        left_out = empty_columns(whole.column_names, iter(tables))
        schema = release_schema("kinematics", "1.0.0", GENERATOR, left_out)
        shares = [(table.select(schema.names).cast(schema) for table in half) for half in halves]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda file, share: write_tables(file, schema, share), files, shares))

    def of_pandas() -> None:
        frame.to_parquet(folder / "pandas.parquet")

    ours_s, pandas_s = [], []
    for _ in range(REPETITIONS):
        ours_s.append(seconds_of(ours))
        pandas_s.append(seconds_of(of_pandas))
    layout = "one noise a frame" if frame_sigma else "one noise a video"
    size = sum(file.stat().st_size for file in files)
    for name, taken, written in (
        ("two shards at a time", ours_s, size),
        ("pandas' default writer", pandas_s, (folder / "pandas.parquet").stat().st_size),
    ):
        wall, cpu = (statistics.median(one[i] for one in taken) for i in (0, 1))
        best = min(one[0] for one in taken)
        print(
            f"{layout}, {name}: {raw / 1e6:.0f} MB raw, "
            f"{raw / 1e6 / wall:.0f} MB/s wall (median; best {raw / 1e6 / best:.0f}), "
            f"{raw / 1e6 / cpu:.0f} MB a CPU second, size {written / raw:.3f} of raw"
        )


def made_rows(config: str, count: int, video_id: str, keys: dict[str, list[Any]]) -> pa.Table:
    """Rows with a plausible value of its type in every column."""
    schema = TABLES[config].schema
    row = {field.name: _value(field.type) for field in schema} | {"video_id": video_id}
    rows = [row | {name: values[i] for name, values in keys.items()} for i in range(count)]
    return rows_table(rows, schema)


def _value(kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type) for field in kind}
    if pa.types.is_list(kind):
        return []
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_floating(kind):
        return 0.5
    return 0 if pa.types.is_integer(kind) else "a text of some length, as they are"


def made_videos(folder: Path, frames: int) -> list[PublishedVideo]:
    """Artifacts of as many videos as it takes, with a hundred sentences and cycles each."""
    motions = [video_table("", kind, frame_sigma=True) for kind in range(KINDS)]
    videos = []
    for number in range(-(-frames // FRAMES_PER_VIDEO)):
        name = f"{number:04d}"
        paths = {config: folder / name / f"{config}.parquet" for config in TABLES}
        table, notes = motions[number % KINDS]
        ids = pa.array([name] * table.num_rows, pa.string())
        table = table.set_column(0, table.schema.field(0), ids)
        write_parquet(table, paths["kinematics"], notes=notes)
        cycles = list(range(100))
        checks = [index for index in cycles for _ in range(12)]
        finding = made_rows("findings", 1, name, {"key_s": [START_S]}).to_pylist()[0]
        fields = {
            field.name for field in TABLES["annotations"].schema.field("findings").type.value_type
        }
        spoken = {**finding, "matches_cue": True, "spoken": False}
        of_row = [{key: spoken[key] for key in fields}] * 12
        tables = {config: (1, {}) for config in TABLES} | {
            "annotations": (100, {
                "feedback_index": cycles, "segment_index": [0] * 100, "findings": [of_row] * 100,
                "cycle": [_value(CYCLE)
                          | dict.fromkeys(("start_s", "key_s", "end_s"), START_S)
                          | {"cycle_index": index} for index in cycles],
                "timestamp_s": [START_S + index for index in cycles],
                "status": ["kept"] * 100, "motion_context": [""] * 100,
                "morphology_context": [""] * 100, "review": [None] * 100,
            }),
            "contexts": (0, {}),
            "cycles": (100, {"cycle_index": cycles}),
            "findings": (1200, {"cycle_index": checks}),
            "morphometrics": (1, {
                field.name: [None] for field in TABLES["morphometrics"].schema if field.nullable
            }),
        }  # fmt: skip
        for config in TABLES:
            if config != "kinematics":
                write_parquet(made_rows(config, tables[config][0], name, tables[config][1]),
                              paths[config])  # fmt: skip
        split = "test" if number % 3 == 0 else "train"
        videos.append(PublishedVideo(name, split, paths))
    return videos


def publish_all(folder: Path, frames: int) -> None:
    """Make the artifacts here and publish them in a separate process."""
    wall, _ = seconds_of(lambda: made_videos(folder / "work", frames))
    print(f"artifacts made in {wall:.0f} s", flush=True)
    subprocess.run(
        [sys.executable, "-m", "benchmarks.release", "--publish", str(folder)], check=True
    )


def peak_mb() -> float:
    """Most memory this process held since its program started; a fork's does not count."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


def publish_here(folder: Path) -> None:
    videos = [
        PublishedVideo(
            one.name,
            "test" if int(one.name) % 3 == 0 else "train",
            {config: one / f"{config}.parquet" for config in TABLES},
        )
        for one in sorted((folder / "work").iterdir())
    ]
    idle = peak_mb()
    found: list[Any] = []
    wall, cpu = seconds_of(
        lambda: found.append(
            publish(
                ReleaseInput(videos, generator=GENERATOR), out=folder / "release", version="1.0.0"
            )
        )
    )  # fmt: skip
    peak = peak_mb()
    contents = found[0].contents
    rows = {c: sum(contents.rows(c, s) for s in contents.videos) for c in contents.shards}
    size = sum(path.stat().st_size for path in found[0].folder.rglob("*") if path.is_file())
    print(f"{len(videos)} videos, rows {rows}, {size / 1e6:.0f} MB on disk")
    print(
        f"{wall:.1f} s, {cpu:.1f} CPU seconds, peak {peak:.0f} MB of which {idle:.0f} MB imports",
        flush=True,
    )
    window_speed(found[0].folder)


def window_speed(folder: Path) -> None:
    # torch is large and has no part in publishing
    from qevd_bio.model.windows import UtteranceWindows

    windows = UtteranceWindows(folder, "train")
    in_order = list(range(WINDOWS))
    shuffled = np.random.default_rng(0).permutation(len(windows))[:WINDOWS].tolist()
    for name, indices in (("in order", in_order), ("shuffled", shuffled)):
        _, cpu = seconds_of(lambda chosen=indices: [windows[i] for i in chosen])
        print(f"windows of 4 s {name}: {1e3 * cpu / WINDOWS:.1f} ms of CPU each")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--publish", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish is not None:
        publish_here(options.publish)
        return
    load = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, pyarrow {pa.__version__}"
    )
    with tempfile.TemporaryDirectory() as place:
        write_speed(Path(place), frame_sigma=False)
        write_speed(Path(place), frame_sigma=True)
        publish_all(Path(place), options.frames)


if __name__ == "__main__":
    main()
