"""One self-contained page: old and new sentences with the measurements behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from qevd_bio.exercises.motion_parts import full_name
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.templates import render
from qevd_bio.pipeline.pipeline import Pipeline, outside_of_source
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.views.analysed_video import analysed_video
from qevd_bio.views.curve_drawing import COLOURS, STYLES, Drawing, curve_caption, curve_drawing
from qevd_bio.views.curves import Curve, CycleTimes
from qevd_bio.views.formatting import measure_words, number_words, target_words
from qevd_bio.views.video_curves import finding_target, video_curves
from qevd_bio.views.word_diff import Piece, word_diff

Row = Mapping[str, Any]
Curves = Mapping[tuple[str, int], Sequence[Curve]]


@dataclass(frozen=True, slots=True)
class _Check:
    """One line of the table of findings."""

    name: str
    numbers: Mapping[str, str]
    verdict: str
    spoken: bool


@dataclass(frozen=True, slots=True)
class _Utterance:
    """One sentence; `pieces` is empty where it was not changed."""

    row: Row
    pieces: tuple[Piece, ...]
    drawing: Drawing | None
    caption: str
    checks: list[_Check]


@dataclass(frozen=True, slots=True)
class _Section:
    """A video with its segments, or a segment with its utterances."""

    heading: str
    state: str
    parts: list[Any]


def write_diff_page(pipeline: Pipeline, rows: list[dict[str, Any]], path: Path) -> None:
    """Write the page of a work folder; `rows` are those of `annotation_rows`."""
    outside_of_source(path, pipeline.config.data_root)
    artifacts = pipeline.artifacts()
    curves: dict[tuple[str, int], Sequence[Curve]] = {}
    for video in dict.fromkeys(row["video_id"] for row in rows):
        analysed = analysed_video(pipeline.sessions.by_id[video], artifacts[video])
        curves |= {(video, index): found for index, found in video_curves(analysed).items()}
    title = f"{sum(row['status'] == 'rewritten' for row in rows)} of {len(rows)} sentences changed"
    write_text_atomic(path, diff_page(rows, curves, title=title))


def diff_page(rows: Sequence[Row], curves: Curves, *, title: str) -> str:
    """Fill the page.

    Parameters
    ----------
    rows : sequence of mapping
        Annotation rows as plain values, such as ``table.to_pylist()`` gives.
    curves : mapping of (video_id, segment_index) to sequence of Curve
        What can be drawn for a segment, its representative measure first. A sentence gets
        the curve of the finding it is about, or else the first.
    title : str
        Heading of the page.

    Returns
    -------
    str
        HTML that needs no other file and no script. It follows the reader's light or dark
        theme, and prints what is shown.
    """
    ordered = sorted(rows, key=lambda row: (row["video_id"], row["feedback_index"]))
    videos = []
    for video, of_video in groupby(ordered, key=lambda row: str(row["video_id"])):
        own = list(of_video)
        segments = [
            _segment(index, list(of_segment), curves)
            for index, of_segment in groupby(own, key=lambda row: row["segment_index"])
        ]
        videos.append(_Section(f"Video {video}", _state(own), segments))
    return render(
        "qevd_bio.views",
        "diff_page.html",
        title=title,
        total=len(ordered),
        changed=sum(_is_changed(row) for row in ordered),
        videos=videos,
        colours=COLOURS,
        styles=STYLES,
    )


def _is_changed(row: Row) -> bool:
    return bool(row["feedback"] != row["feedback_original"])


def _state(rows: Sequence[Row]) -> str:
    return "changed" if any(_is_changed(row) for row in rows) else "same"


def _segment(index: int | None, rows: Sequence[Row], curves: Curves) -> _Section:
    exercise = rows[0]["exercise_text"] or rows[0]["exercise"] or "unnamed exercise"
    heading = "Between exercises" if index is None else f"Segment {index}: {exercise}"
    return _Section(heading, _state(rows), [_utterance(row, curves) for row in rows])


def _utterance(row: Row, curves: Curves) -> _Utterance:
    changed, cycle, findings = _is_changed(row), row["cycle"], row["findings"]
    pieces = word_diff(row["feedback_original"], row["feedback"]) if changed else ()
    drawing, caption = None, ""
    drawn = curves.get((row["video_id"], row["segment_index"]), ())
    if drawn and (cycle or findings or changed):
        curve = _spoken_curve(findings, drawn)
        said_s = () if row["timestamp_s"] is None else (row["timestamp_s"],)
        spoken = CycleTimes(cycle["start_s"], cycle["key_s"], cycle["end_s"]) if cycle else None
        drawing = curve_drawing(curve, said_s=said_s, spoken=spoken)
        caption = curve_caption(curve, said_s=said_s, spoken=spoken)
    return _Utterance(row, pieces, drawing, caption, [_check(finding) for finding in findings])


def _spoken_curve(findings: Sequence[Row], drawn: Sequence[Curve]) -> Curve:
    """Choose the curve; its target is the spoken finding's, if that is about the key frame."""
    for finding in findings:
        for curve in drawn:
            if finding["spoken"] and curve.measure == _measure(finding):
                target = finding_target(finding_from_row(finding))
                return replace(curve, target=target if finding["check"] == "dynamic" else None)
    return drawn[0]


def _measure(finding: Row) -> str:
    return full_name(finding["measure"], finding["side"])


def _check(finding: Row) -> _Check:
    unit = finding["unit"]
    low, high = finding["target_low"], finding["target_high"]
    return _Check(
        name=_check_name(finding),
        numbers={
            "measured": number_words(finding["measured"], unit),
            "target": target_words(low, high, finding["tolerance"], unit),
            "deviation": number_words(finding["deviation"], unit, signed=True),
            "noise (1 σ)": number_words(finding["sigma"], unit),
        },
        verdict=_verdict(finding) + (" (in the sentence)" if finding["spoken"] else ""),
        spoken=finding["spoken"],
    )


def _check_name(finding: Row) -> str:
    if finding["check"] == "tempo":
        return "duration of the cycle"
    about = "movement over the cycle" if finding["check"] == "static" else finding["phase"]
    name = measure_words(_measure(finding))
    return f"{name}, {about}" if about else name


def _verdict(finding: Row) -> str:
    if finding["status"] != "measured":
        return f"– not judged: {finding['reason'] or finding['status']}"
    if finding["violated"]:
        return f"✗ violated: {finding['instruction']}"
    if finding["deviation"]:
        return "✓ off target, within tolerance and noise"
    return "✓ on target"
