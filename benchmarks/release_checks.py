"""What verifying and comparing cost: CPU seconds and memory beside the size of a release.

python -m benchmarks.release_checks [videos] [frames a video]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from qevd_bio.motion.record import Motion
from qevd_bio.release.compare import compare_releases
from qevd_bio.release.contents import PublishedVideo, ReleaseInput
from qevd_bio.release.drop_in import records_table
from qevd_bio.release.publish import publish
from qevd_bio.tables import kinematics, morphometrics, quality
from qevd_bio.tables.parquet import rows_table, write_parquet
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.release import verify_release

RATE_HZ = 30.0


def walk(frames: int, seed: int) -> Motion:
    """Angles that wander, as a capture's do."""
    random = np.random.default_rng(seed)
    return Motion(
        q=np.clip(np.cumsum(random.normal(0.0, 0.01, (frames, 46)), axis=0), -6.0, 6.0),
        time_s=1.69e9 + np.arange(frames) / RATE_HZ,
        confidence=np.full(frames, 0.9),
        valid=np.ones(frames, dtype=bool),
        observed=np.ones(46, dtype=bool),
        sigma_rad=np.full(46, 0.05),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m={"thigh": 0.42, "shank": 0.41, "trunk": 0.5},
    )


def artifacts(folder: Path, video: str, frames: int, seed: int) -> PublishedVideo:
    """Write one video's artifacts: angles, and rows of quality and body."""
    motion = walk(frames, seed)
    table, notes = kinematics.motion_table(video, motion)
    row = dict.fromkeys(quality.SCHEMA.names)
    row |= {
        "video_id": video, "frames": frames, "root_source": "contact", "concerns": [],
        "duration_s": float(motion.time_s[-1] - motion.time_s[0]), "valid_share": 1.0,
        "longest_gap_s": 0.0,
    }  # fmt: skip
    body = dict.fromkeys(morphometrics.SCHEMA.names)
    body |= {"video_id": video, "source": "none", "reason": "no shape", "flags": []}
    found = {name: folder / video / f"{name}.parquet" for name in TABLES}
    write_parquet(table, found["kinematics"], notes=notes)
    rows = {"quality": [row], "morphometrics": [body]}
    for name in [name for name in TABLES if name != "kinematics"]:
        write_parquet(rows_table(rows.get(name, []), TABLES[name].schema), found[name])
    return PublishedVideo(video_id=video, split="train", artifacts=found)


def measured(what: str, old: Path, new: Path) -> str:
    """Run one check in this process and return its cost as a line."""
    start = time.process_time()
    if what == "verify":
        outcome: object = verify_release(old).as_json()["counts"] or "no issue"
    else:
        outcome = f"{compare_releases(old, new).required} step"
    took = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return f"{what}: {outcome}, {took:.1f} s CPU, peak {peak:.0f} MB"


def main(videos: int, frames: int) -> None:
    """Print the costs."""
    record = {"feedbacks": [], "feedback_timestamps": [], "is_transition": []}
    records = [dict(record) for _ in range(videos)]
    table = records_table(records, {i: f"{i:04d}" for i in range(videos)})
    with tempfile.TemporaryDirectory() as home:
        made = [artifacts(Path(home) / "work", f"{i:04d}", frames, seed=i) for i in range(videos)]
        given = ReleaseInput(
            made,
            drop_in={"QEVD-FIT-COACH": records},
            records={"QEVD-FIT-COACH": table},
        )
        old, new = (
            publish(given, out=Path(home) / "release", version=version).folder
            for version in ("1.0.0", "1.0.1")
        )
        size = sum(path.stat().st_size for path in old.rglob("*") if path.is_file()) / 1e6
        print(f"{videos * frames} frames, {size:.0f} MB")
        for what in ("verify", "compare"):
            # a separate process: the peak of writing is not that of reading
            with get_context("spawn").Pool(1) as pool:
                print(pool.apply(measured, (what, old, new)))


if __name__ == "__main__":
    main(*(int(one) for one in (sys.argv[1:] or ["20", "3000"])))
