"""Commands for looking at results: diff, plot, overlay, export, stats, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.choices import ExportFormat
from qevd_bio.cli.errors import DONE, guarded
from qevd_bio.cli.options import Json, Work, rule_ids, settings_rules
from qevd_bio.cli.output import emit, printable, table

if TYPE_CHECKING:
    from qevd_bio.engine.maintain.provenance import Link

_SHORT = 16


@guarded
def diff(
    work: Work,
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
        write_diff_page(pipeline, html)
        text += f"\n\npage: {html}"
    emit(result, text, as_json=as_json)
    return DONE


@guarded
def plot(
    video: Annotated[str, typer.Argument(help="Video id.")],
    work: Work,
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
    emit({"plot": target, "panels": panels}, f"plot: {target}", as_json=as_json)
    return DONE


@guarded
def overlay(
    video: Annotated[str, typer.Argument(help="Video id; or a video file, with --exercise.")],
    work: Work,
    user_rules: Annotated[
        Path | None,
        typer.Option(
            "--rules",
            metavar="DIR",
            help="Folder of your own rules, for a video file; default that of the settings file.",
        ),
    ] = None,
    exercise: Annotated[
        str | None,
        typer.Option("--exercise", help="Exercise of a video file.", autocompletion=rule_ids),
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
    if Path(video).is_file():
        user_rules = user_rules or settings_rules()
    analysed = video_or_file(video, work, exercise, target, user_rules)
    with frame_progress(len(analysed.motion.time_s)) as on_frame:
        frames = write_overlay(analysed, target, longest_side_px=longest_side, on_frame=on_frame)
    emit({"overlay": target, "frames": frames}, f"overlay: {target}", as_json=as_json)
    return DONE


@guarded
def export(
    video: Annotated[str, typer.Argument(help="Video id.")],
    to: Annotated[ExportFormat, typer.Option("--to", help="mot: OpenSim. rrd: rerun.")],
    work: Work,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default VIDEO.mot or VIDEO.rrd.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write the motion of one video for another tool."""
    from qevd_bio.pipeline.pipeline import outside_of_source, reopen_pipeline
    from qevd_bio.views.analysed_video import finished_video
    from qevd_bio.views.export import export_motion, gap_note

    pipeline = reopen_pipeline(work)
    target = out or Path(f"{video}.{to}")
    outside_of_source(target, pipeline.config.data_root)
    finished = finished_video(pipeline, video)
    export_motion(finished, target, to)
    note = gap_note(finished.motion, to)
    text = f"export: {target}" + f"\n{note}" * bool(note)
    emit({"export": target, "gaps": note}, text, as_json=as_json)
    return DONE


@guarded
def stats(
    work: Work,
    release: Annotated[
        Path | None, typer.Argument(help="Folder of a release; without it the work folder.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Count videos, segments and utterances beside the paper's numbers."""
    from qevd_bio.views.statistics import statistics_of, statistics_tables

    found = statistics_of(release or work)
    text = "\n\n".join(table(header, rows) for header, rows in statistics_tables(found))
    emit({split: one.as_json() for split, one in found.items()}, text, as_json=as_json)
    return DONE


@guarded
def why(
    row: Annotated[
        str,
        typer.Argument(help="VIDEO:FEEDBACK_INDEX, or FILE.parquet:ROW of a release, from 0."),
    ],
    work: Work,
    as_json: Json = False,
) -> int:
    """Show what a row was made from: units, inputs, runs, code and machine."""
    from qevd_bio.pipeline.pipeline import reopen_pipeline
    from qevd_bio.released.row_origin import trace

    found = trace(reopen_pipeline(work), row)
    result = {
        "row": {name: _plain(value) for name, value in found.row.items()},
        "chain": [
            {
                **asdict(link.record),
                "unit_file": link.unit_file,
                "run": link.run,
                "run_problem": link.run_problem,
            }
            for link in found.links
        ],
    }
    shown = ("video_id", "feedback_original", "feedback", "status", "reason")
    lines = [f"{name}: {printable(str(found.row[name]))}" for name in shown if name in found.row]
    emit(result, "\n\n".join(["\n".join(lines), *map(_link_text, found.links)]), as_json=as_json)
    return DONE


def _link_text(link: Link) -> str:
    record = link.record
    lines = [
        f"{record.stage} (version {record.version})  {link.unit_file.parent}",
        f"  bytes   sha256 {record.outputs[0].sha256[:_SHORT]}, "
        f"written {record.timings.finished_utc} on {record.host} "
        f"in {record.timings.seconds:.1f} s",
        f"  run     {_run_text(link)}",
    ]
    if record.adopted:
        lines.append(
            f"  adopted from {record.adopted.identity[:_SHORT]} at {record.adopted.adopted_utc}: "
            f"{record.adopted.reason}"
        )
    lines += [f"  from    {name} {digest[:_SHORT]}" for name, digest in record.depends.items()]
    return "\n".join(lines)


def _run_text(link: Link) -> str:
    run: Mapping[str, Any] | None = link.run
    run_id = link.record.run_id
    if run is None:
        return f"{run_id}: its record {link.run_problem}" if run_id else "not recorded"
    git = run["git"]
    commit = f"commit {git['commit'][:12]}{' with changes' * git['dirty']}" if git else "no commit"
    version = run["versions"]["qevd-bio"]
    return f"{run_id}: qevd-bio {version}, {commit}, {run['machine']['platform']}"


def _plain(value: Any) -> Any:  # noqa: ANN401  any value of a table
    if isinstance(value, float) and value != value:
        return None
    return value
