"""Commands that make synthetic subjects: synth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.guard import DONE, guarded
from qevd_bio.cli.output import emit, table
from qevd_bio.cli.setup import Json

AnyNumber = "May be given again: all combinations are made."


@guarded
def synth(
    out: Annotated[Path, typer.Argument(help="New or empty folder.")],
    exercise: Annotated[
        list[str] | None, typer.Option("--exercise", help=f"Default: squat. {AnyNumber}")
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option("--view", help=f"front, oblique45, side or floor_side. {AnyNumber}"),
    ] = None,
    build: Annotated[
        list[str] | None, typer.Option("--build", help=f"man, woman or heavy. {AnyNumber}")
    ] = None,
    fault: Annotated[str, typer.Option("--fault", help="Form error of every repetition.")] = "",
    reps: Annotated[int, typer.Option("--reps", help="Repetitions.")] = 5,
    seconds: Annotated[float, typer.Option("--seconds", help="Of one repetition.")] = 2.2,
    fps: Annotated[int, typer.Option("--fps", help="Frames a second.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="Of variation and clothes.")] = 1,
    as_json: Json = False,
) -> int:
    """Render people whose angles are exactly known: mp4, npz and truth.json."""
    from qevd_bio.cli.progress import frame_progress
    from qevd_bio.synthetic.clips import clips_wanted, frames_of, make_clips

    clips = clips_wanted(
        exercise or ["squat"], view or [], build or ["man"],
        form_error=fault, repetitions=reps, repetition_s=seconds, rate_hz=fps, seed=seed,
    )  # fmt: skip
    frames = [frames_of(clip) for clip in clips]
    with frame_progress(sum(frames)) as on_frame:
        videos = make_clips(out, clips, on_frame)
    rows = [(str(video), count) for video, count in zip(videos, frames, strict=True)]
    result = {"folder": str(out), "videos": [{"video": v, "frames": n} for v, n in rows]}
    emit(result, table(("frames", "video"), [(n, v) for v, n in rows]), as_json=as_json)
    return DONE
