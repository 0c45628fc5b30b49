"""Everything that the page shows of one sentence, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from qevd_bio.review.curves_view import curve_view, with_gaps
from qevd_bio.review.media import timeline_of
from qevd_bio.review.motion_window import window_of
from qevd_bio.review.source import ReviewSource
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.views.curves import Curve
from qevd_bio.views.finding_lines import FindingLine, finding_line
from qevd_bio.views.item_curves import item_curves
from qevd_bio.views.item_moments import ItemMoments, item_moments
from qevd_bio.views.word_diff import Piece, word_diff

_SECOND_DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False)
class ItemView:
    """One sentence with its evidence.

    Attributes
    ----------
    key : ItemKey
        Which sentence.
    row : dict
        Its annotation row, with its `split`.
    pieces : tuple of Piece
        The word diff of the original and the new sentence.
    findings : tuple of FindingLine
        What was checked on its cycle, in the rule's order.
    curves : tuple of Curve
        What the sentence speaks of first.
    moments : ItemMoments or None
        None where the video has no frame, or its motion cannot be read.
    unread : str
        Why the motion cannot be read; empty where it was.
    first_frame : int
        Number in the video of the first frame of `moments`.
    turn_deg : int
        Clockwise turn of the video that puts the person upright.
    has_video : bool
        Whether there is a file that can be shown.
    concerns : tuple of str
        What gives reason to look at the capture of the video.
    """

    key: ItemKey
    row: dict[str, Any]
    pieces: tuple[Piece, ...]
    findings: tuple[FindingLine, ...]
    curves: tuple[Curve, ...]
    moments: ItemMoments | None
    unread: str
    first_frame: int
    turn_deg: int
    has_video: bool
    concerns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Write the view as JSON values; frames count from the first one of the item."""
        row = self.row
        return {
            "id": self.key.item_id(),
            "video_id": self.key.video_id,
            "feedback_index": self.key.feedback_index,
            **{name: row[name] for name in ("split", "status", "kind", "reason", "exercise")},
            "exercise_text": row["exercise_text"],
            "original": row["feedback_original"],
            "feedback": row["feedback"],
            "pieces": [asdict(piece) for piece in self.pieces],
            "findings": [_finding(line) for line in self.findings],
            "rule_version": row["provenance"]["rule_version"],
            **_moments(self.moments),
            "unread": self.unread,
            "first_frame": self.first_frame,
            "turn_deg": self.turn_deg,
            "curves": [curve_view(curve) for curve in self.curves],
            "has_video": self.has_video,
            "concerns": list(self.concerns),
        }


def item_view(source: ReviewSource, key: ItemKey) -> ItemView:
    """Gather what the page shows of a sentence.

    Raises
    ------
    DataError
        There is no such sentence.
    """
    row = source.row(key)
    items, timeline = source.items, timeline_of(source, key)
    window, unread = window_of(source, row)
    curves: tuple[Curve, ...] = ()
    if window is not None:
        curves = item_curves(row, window, items.cycles(row), items.rule(row["exercise"]))
    return ItemView(
        key=key,
        row=row,
        pieces=word_diff(row["feedback_original"], row["feedback"]),
        findings=tuple(
            finding_line(finding_from_row(one), spoken=one["spoken"]) for one in row["findings"]
        ),
        curves=curves,
        moments=None if window is None else item_moments(row, window, timeline),
        unread=unread,
        first_frame=0 if window is None else window.first_frame,
        turn_deg=0 if window is None else window.turn_deg,
        has_video=timeline is not None,
        concerns=items.concerns(key.video_id),
    )


def _finding(line: FindingLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "measured": line.measured,
        "target": line.target,
        "difference": line.difference,
        "noise": line.noise,
        "verdict_words": line.verdict,
        "band_verdict": line.band_verdict,
        "spoken": line.spoken,
    }


def _moments(moments: ItemMoments | None) -> dict[str, Any]:
    if moments is None:
        return {
            "frames": {"media_s": [], "clock_s": []},
            "loop": [0.0, 0.0],
            "loop_frames": [0, 0],
            "key_frame": 0,
            "utterance": [0, 0],
        }
    return {
        "frames": {
            "media_s": with_gaps(moments.media_s, _SECOND_DECIMALS),
            "clock_s": moments.clock_s.tolist(),
        },
        "loop": list(moments.loop_s),
        "loop_frames": list(moments.loop),
        "key_frame": moments.key_frame,
        "utterance": list(moments.utterance),
    }
