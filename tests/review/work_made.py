"""A work folder with real, numbered videos and the motion that a capture would have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.capture.captured import Captured
from qevd_bio.pipeline.pipeline import Pipeline
from tests.pipeline.sessions_made import FIRST_NS, SPLIT, squats_motion, write_root
from tests.review.numbered_videos import write_numbered_video

CORRECTION = "Sink deeper into these squats"


SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
"""Two ways in which text that is taken for HTML would act."""


def made_root(root: Path) -> Path:
    """Write three videos of squats.

    0301: variable frame rate, 26 corrections. 0302: sideways, 29.97 frames a second, 26. 0303:
    its first picture comes half a second after the start, 24 frames a second; a correction and a
    praise, both with `SCRIPT` in them.
    """
    late = [500 + time_ms for time_ms in even_times_ms(200, 1000 / 24)]
    return write_records(
        root,
        [
            add_video(root, "0301", uneven_times_ms(240), 26),
            add_video(root, "0302", even_times_ms(240, 1001 / 30), 26, sideways=True),
            add_video(root, "0303", late, [f"{CORRECTION} {SCRIPT}", f"Lovely! {SCRIPT}"]),
        ],
    )


def uneven_times_ms(frames: int, seed: int = 0) -> list[int]:
    """Times of a variable frame rate: gaps of 17 to 150 milliseconds."""
    gaps = np.random.default_rng(seed).choice([17, 33, 33, 50, 66, 150], size=frames - 1)
    return [0, *np.cumsum(gaps).tolist()]


def even_times_ms(frames: int, gap_ms: float) -> list[int]:
    """Times of a constant rate, in the whole milliseconds that a file holds."""
    return [round(i * gap_ms) for i in range(frames)]


def add_video(
    root: Path,
    video: str,
    times_ms: Sequence[int],
    texts: Sequence[str] | int,
    *,
    sideways: bool = False,
) -> dict[str, Any]:
    """Make the record of a video of squats with utterances, evenly spread; write the video.

    `texts`: what is said, or how often `CORRECTION` is said.
    """
    frames = len(times_ms)
    stamps_ns = FIRST_NS + np.asarray(times_ms, dtype=np.int64) * 1_000_000
    times_s = stamps_ns / 1e9
    said = (
        [f"{CORRECTION}{'!' * (i % 3)}" for i in range(texts)] if isinstance(texts, int) else texts
    )
    starts = np.linspace(0.45 * frames, frames - 14, len(said)).astype(int).tolist()
    first, last = 5, frames - 6
    dense = [""] * frames
    dense[first : first + 4] = ["First up are squats!"] * 4
    dense[last:] = ["That's it for today!"] * 6
    for start, text in zip(starts, said, strict=True):
        dense[start : start + 2] = [text] * 2
    record = {
        "long_range_video_file": f"./long_range_videos/{video}.mp4",
        "video_timestamps": f"./long_range_videos/{video}_timestamps.npy",
        "feedbacks": dense,
        "feedback_timestamps": [float(times_s[frame]) for frame in (first, *starts, last)],
        "is_transition": [True, *(False for _ in said), True],
    }
    folder = root / SPLIT / "long_range_videos"
    folder.mkdir(parents=True, exist_ok=True)
    write_numbered_video(folder / f"{video}.mp4", times_ms, sideways=sideways)
    np.save(folder / f"{video}_timestamps.npy", stamps_ns)
    return record


def write_records(root: Path, records: Sequence[dict[str, Any]]) -> Path:
    """Write the records of videos that exist."""
    kept = {path: path.read_bytes() for path in (root / SPLIT / "long_range_videos").iterdir()}
    write_root(root, list(records))
    for path, content in kept.items():
        path.write_bytes(content)
    return root


def moving_squats(depth: float) -> Any:
    """A capture that sees squats by somebody who walks across the picture."""

    def capture(path: Path, times_s: np.ndarray, **_: Any) -> Captured:
        motion = squats_motion(depth, times_s)
        across = np.linspace(-0.5, 0.5, len(times_s))
        root_m = np.column_stack([across, np.zeros_like(across), np.full_like(across, 4.0)])
        return Captured(
            motion=replace(motion, root_m=root_m, focal_share=1.1), notes={"turn_deg": 0}
        )

    return capture


def run_pipeline(
    root: Path, work: Path, capture: Any, monkeypatch: Any, **options: Any
) -> Pipeline:
    """Run the pipeline with a capture in the place of the built-in one."""
    from qevd_bio.capture.monocular import backend
    from qevd_bio.pipeline.config import PipelineConfig
    from qevd_bio.pipeline.pipeline import open_pipeline

    monkeypatch.setattr(backend, "capture_motion", capture)
    pipeline = open_pipeline(PipelineConfig(root, **options), work)
    summary = pipeline.run(argv=["test"], on_event=lambda event: None)
    assert not summary.failures
    return pipeline
