"""What the page of changed sentences shows of each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qevd_bio.errors import VideoError
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.views.curve_drawing import Drawing, curve_caption, curve_drawing
from qevd_bio.views.curves import Curve, CycleTimes
from qevd_bio.views.finding_lines import FindingLine, finding_line
from qevd_bio.views.formatting import moment_words
from qevd_bio.views.item_curves import item_curves
from qevd_bio.views.item_moments import ItemMoments, item_moments
from qevd_bio.views.item_source import ItemSource, Row
from qevd_bio.views.media_timeline import media_timeline
from qevd_bio.views.still_frame import StillFrame, still_frame
from qevd_bio.views.word_diff import Piece, word_diff

MOST_PANELS = 2
LEAST_STILL_BYTES, MOST_STILL_BYTES = 3_000, 36_000
ALL_STILLS_BYTES = 9_000_000
"""So that 200 items with curves and tables stay below 20 MB, and a thousand grow little."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is behind one sentence: all that was read of it.

    Attributes
    ----------
    row : mapping
        Its annotation row.
    curves : sequence of Curve
        What the sentence speaks of first.
    moments : ItemMoments or None
        Its times in the video.
    still : StillFrame or None
        The picture of its key frame.
    has_video : bool
        Whether times are those of a video file; else they count from the first frame.
    """

    row: Row
    curves: Sequence[Curve] = ()
    moments: ItemMoments | None = None
    still: StillFrame | None = None
    has_video: bool = False


@dataclass(frozen=True, slots=True)
class DiffItem:
    """One sentence as the page shows it; `pieces` is empty where it was not changed."""

    anchor: str
    heading: str
    facts: str
    row: Mapping[str, Any]
    pieces: tuple[Piece, ...]
    panels: tuple[tuple[Drawing, str], ...]
    lines: tuple[FindingLine, ...]
    still: StillFrame | None
    still_caption: str


def read_evidence(source: ItemSource, row: Row, most_still_bytes: int) -> Evidence:
    """Read what is behind a sentence; a video that cannot be read counts as absent."""
    window = source.window(row)
    if window is None:
        return Evidence(row)
    curves = item_curves(row, window, source.cycles(row), source.rule(row["exercise"]))
    path = source.media_file(row["video_id"])
    try:
        media = None if path is None else media_timeline(path)
        moments = item_moments(row, window, media)
        still = None
        if path is not None and most_still_bytes > 0:
            still = still_frame(path, window, moments.key_frame, most_bytes=most_still_bytes)
    except VideoError:
        return Evidence(row, curves, item_moments(row, window, None))
    return Evidence(row, curves, moments, still, media is not None)


def still_bytes(items: int) -> int:
    """Choose how large each picture may be on a page with so many; 0: too many for any."""
    each = min(MOST_STILL_BYTES, ALL_STILLS_BYTES // max(items, 1))
    return each if each >= LEAST_STILL_BYTES else 0


def is_changed(row: Row) -> bool:
    """Whether the new sentence differs from the original."""
    return bool(row["feedback"] != row["feedback_original"])


def diff_item(evidence: Evidence) -> DiffItem:
    """Lay one sentence out."""
    row, moments = evidence.row, evidence.moments
    exercise = row["exercise_text"] or row["exercise"]
    place = "between exercises" if row["segment_index"] is None else exercise or "unnamed exercise"
    said = moment_words(None if moments is None else float(moments.media_s[moments.utterance[0]]))
    since = "" if evidence.has_video or moments is None else " after the first frame"
    still = evidence.still
    return DiffItem(
        anchor=f"{row['video_id']}-{row['feedback_index']}",
        heading=f"Video {row['video_id']}, {place}, {said}{since}",
        facts=_facts(row, moments),
        row=row,
        pieces=word_diff(row["feedback_original"], row["feedback"]) if is_changed(row) else (),
        panels=tuple(_panels(evidence)),
        lines=tuple(
            finding_line(finding_from_row(one), spoken=one["spoken"]) for one in row["findings"]
        ),
        still=still,
        still_caption="" if still is None else _still_caption(row, moments, still),
    )


def _facts(row: Row, moments: ItemMoments | None) -> str:
    parts = [f"utterance {row['feedback_index']}"]
    parts.append(f"frames {row['frame_start']} to {row['frame_end'] - 1}")
    if row["cycle"] is not None and moments is not None:
        parts.append(f"key frame at {moment_words(moments.key_s)}")
    return ", ".join(parts)


def _still_caption(row: Row, moments: ItemMoments | None, still: StillFrame) -> str:
    what = "Key frame" if row["cycle"] is not None else "First frame of the utterance"
    at = "" if moments is None else f" at {moment_words(moments.key_s)}"
    held = "" if still.valid else "; nobody was detected, the pose is held"
    return f"{what}{at}; skeleton: right solid, left dashed{held}."


def _panels(evidence: Evidence) -> list[tuple[Drawing, str]]:
    row, cycle = evidence.row, evidence.row["cycle"]
    if not (evidence.curves and (cycle or row["findings"] or is_changed(row))):
        return []
    said_s = () if row["timestamp_s"] is None else (row["timestamp_s"],)
    spoken = CycleTimes(cycle["start_s"], cycle["key_s"], cycle["end_s"]) if cycle else None
    return [
        (
            curve_drawing(curve, said_s=said_s, spoken=spoken),
            curve_caption(curve, said_s=said_s, spoken=spoken),
        )
        for curve in evidence.curves[: _panel_count(row)]
    ]


def _panel_count(row: Row) -> int:
    """Count the curves that the sentence speaks of; at least one."""
    subjects = {
        (sideless(one["measure"]), one["check"], one["phase"])
        for one in row["findings"]
        if one["spoken"] and one["check"] != "tempo"
    }
    return min(max(len(subjects), 1), MOST_PANELS)
