"""Everything that the coach writes of a video, and the same as JSON values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qevd_bio.coach.against import AgainstGold
from qevd_bio.coach.coached import CoachedVideo, Repetition, measured_texts
from qevd_bio.coach.page import error_entry, write_page
from qevd_bio.coach.tables import write_tables
from qevd_bio.files.atomic import make_folder, write_text_atomic
from qevd_bio.files.strict_json import dump_json
from qevd_bio.views.export import export_motion
from qevd_bio.views.overlay.write_video import write_overlay
from qevd_bio.views.plot import plot_curves
from qevd_bio.views.video_curves import video_curves

RESULT_FILE = "coach.json"


def write_results(
    video: CoachedVideo,
    against: AgainstGold | None,
    out: Path,
    *,
    longest_side_px: int,
    on_frame: Callable[[], None],
) -> dict[str, Any]:
    """Write tables, motion, plot, annotated video, page and JSON of a video.

    Parameters
    ----------
    video : CoachedVideo
        What is written.
    against : AgainstGold or None
        How it compares with gold executions, if there are any.
    out : Path
        Folder of all results; the video has one of its own in it.
    longest_side_px : int
        Of the annotated video.
    on_frame : callable
        Called after each of its frames.

    Returns
    -------
    dict
        JSON values, with the files under ``files``.
    """
    folder = out / video.analysed.video_id
    make_folder(folder)
    files = write_tables(video, folder)
    files["motion.mot"] = folder / "motion.mot"
    export_motion(video.analysed, files["motion.mot"], "mot")
    curves = video_curves(video.analysed)[0]
    files["curves.png"] = folder / "curves.png"
    plot_curves(curves, files["curves.png"])
    film = files["annotated.mp4"] = folder / "annotated.mp4"
    write_overlay(video.analysed, film, longest_side_px=longest_side_px, on_frame=on_frame)
    page = folder / "page.html"
    write_page(video, against, curves, film, files, page)
    result = as_json(video) | {
        "against": None if against is None else asdict(against),
        "page": str(page),
        "files": {name: str(file) for name, file in files.items()},
    }
    text = dump_json(result, where=RESULT_FILE, indent=1)
    write_text_atomic(folder / RESULT_FILE, text + "\n")
    return result


def as_json(video: CoachedVideo) -> dict[str, Any]:
    """Say everything about a video as JSON values; times count from its first frame."""
    source = video.analysis.video
    first_s = float(video.analysed.motion.time_s[0])
    return {
        "video_id": video.analysed.video_id,
        "source": str(source.source),
        "from_s": source.from_s,
        "exercise": {"id": video.rule.id, "title": video.rule.title, "by": "the user"},
        "count": len(video.repetitions),
        "count_words": video.count_words(),
        "reason": video.reason,
        "concerns": list(video.concerns),
        "remarks": list(video.remarks),
        "sets": _sets(video, first_s),
        "repetitions": [_repetition(one, video, first_s) for one in video.repetitions],
        "most_important": [
            {
                "sentence": one.text,
                "repetitions": [index + 1 for index in one.repetitions],
                "checked": one.checked,
                "severity": round(one.severity, 4),
                "shown_at_s": error_entry(one, video).at_s,
            }
            for one in video.important
        ],
        "not_judged": dict(video.not_judged),
    }


def _sets(video: CoachedVideo, first_s: float) -> list[dict[str, Any]]:
    numbers = dict.fromkeys(one.set_number for one in video.repetitions)
    groups = [[one for one in video.repetitions if one.set_number == n] for n in numbers]
    return [
        {
            "set": group[0].set_number,
            "repetitions": len(group),
            "start_s": round(group[0].cycle.start_s - first_s, 3),
            "end_s": round(group[-1].cycle.end_s - first_s, 3),
        }
        for group in groups
    ]


def _repetition(one: Repetition, video: CoachedVideo, first_s: float) -> dict[str, Any]:
    cycle = one.cycle
    return {
        "repetition": one.number,
        "set": one.set_number,
        "side": cycle.side,
        "counted": cycle.counted,
        "start_s": round(cycle.start_s - first_s, 3),
        "key_s": round(cycle.key_s - first_s, 3),
        "end_s": round(cycle.end_s - first_s, 3),
        "sentences": list(one.sentences),
        "measured": measured_texts(one, video.rule),
    }
