"""Commands for looking at results: diff, plot, stats, overlay and export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.guard import DONE, guarded
from qevd_bio.cli.output import emit, table
from qevd_bio.cli.setup import Json
from qevd_bio.cli.work import Work


@guarded
def diff(
    work: Work = Path("work"),
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with curves and findings here.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="List sentences that did not change, too.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Show old and new sentences; with --html beside their curves and evidence."""
    from qevd_bio.pipeline.pipeline import reopen_pipeline
    from qevd_bio.views.diff_page import write_diff_page
    from qevd_bio.views.work_folder import annotation_rows

    pipeline = reopen_pipeline(work)
    rows = annotation_rows(pipeline)
    shown = [row for row in rows if everything or row["status"] == "rewritten"]
    result = [
        {key: row[key] for key in (
            "video_id", "segment_index", "exercise", "timestamp_s", "kind", "status", "reason",
            "feedback_original", "feedback",
        )} for row in shown
    ]  # fmt: skip
    text = table(
        ("video", "exercise", "status", "old", "new or reason"),
        [
            (
                row["video_id"],
                row["exercise_text"] or "",
                row["status"],
                row["feedback_original"],
                row["feedback"] if row["status"] == "rewritten" else row["reason"],
            )
            for row in shown
        ],
    )
    if html is not None:
        write_diff_page(pipeline, rows, html)
        text += f"\n\npage: {html}"
    emit(result, text, as_json=as_json)
    return DONE


@guarded
def plot(
    video: Annotated[str, typer.Argument(help="Video id.")],
    work: Work = Path("work"),
    out: Annotated[
        Path | None, typer.Option("--out", help="PNG to write; default VIDEO.png.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Draw the curves of one video with cycles, targets and utterances."""
    from qevd_bio.pipeline.pipeline import reopen_pipeline
    from qevd_bio.views.plot import write_plot

    target = out or Path(f"{video}.png")
    panels = write_plot(reopen_pipeline(work), video, target)
    emit({"plot": str(target), "panels": panels}, f"plot: {target}", as_json=as_json)
    return DONE


@guarded
def stats(
    path: Annotated[Path, typer.Argument(help="A release, or a work folder.")] = Path("work"),
    as_json: Json = False,
) -> int:
    """Count videos, segments and utterances beside the paper's numbers."""
    from qevd_bio.views.statistics import statistics_of, statistics_tables

    found = statistics_of(path)
    text = "\n\n".join(table(header, rows) for header, rows in statistics_tables(found))
    emit({split: one.as_json() for split, one in found.items()}, text, as_json=as_json)
    return DONE


@guarded
def overlay(
    video: Annotated[str, typer.Argument(help="Video id; or a video file, with --exercise.")],
    work: Work = Path("work"),
    exercise: Annotated[
        str | None, typer.Option("--exercise", help="What a video file shows.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="mp4 to write; default VIDEO-overlay.mp4.")
    ] = None,
    longest_side: Annotated[
        int, typer.Option("--longest-side", help="Larger frames are scaled down to this, pixels.")
    ] = 1280,
    as_json: Json = False,
) -> int:
    """Draw skeleton, angles, phase, cycle count and violations on the frames of one video."""
    from qevd_bio.cli.progress import frame_progress
    from qevd_bio.views.analyse_file import video_or_file
    from qevd_bio.views.overlay.write_video import write_overlay

    target = out or Path(f"{Path(video).stem}-overlay.mp4")
    analysed = video_or_file(video, work, exercise, target)
    with frame_progress(len(analysed.motion.time_s)) as on_frame:
        frames = write_overlay(analysed, target, longest_side_px=longest_side, on_frame=on_frame)
    emit({"overlay": str(target), "frames": frames}, f"overlay: {target}", as_json=as_json)
    return DONE


@guarded
def export(
    video: Annotated[str, typer.Argument(help="Video id.")],
    to: Annotated[str, typer.Option("--to", help="mot (OpenSim) or rrd (rerun).")],
    work: Work = Path("work"),
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default VIDEO.mot or VIDEO.rrd.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write the motion of one video for another tool."""
    from qevd_bio.pipeline.pipeline import outside_of_source, reopen_pipeline
    from qevd_bio.views.analysed_video import finished_video
    from qevd_bio.views.export import export_motion

    pipeline = reopen_pipeline(work)
    target = out or Path(f"{video}.{to}")
    outside_of_source(target, pipeline.config.data_root)
    export_motion(finished_video(pipeline, video), target, to)
    emit({"export": str(target)}, f"export: {target}", as_json=as_json)
    return DONE
