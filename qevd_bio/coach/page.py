"""One self-contained page of a coached video: picture, curves, repetitions, what to change."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.coach.against import AgainstGold
from qevd_bio.coach.coached import CoachedVideo, Repetition, measured_texts
from qevd_bio.feedback.form_errors import FormError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.input_file import read_input
from qevd_bio.files.templates import content_digest, render
from qevd_bio.views.curve_drawing import (
    AXIS_PX,
    COLOURS,
    STYLES,
    Drawing,
    curve_caption,
    curve_drawing,
)
from qevd_bio.views.curves import Curve
from qevd_bio.views.finding_lines import FindingLine, finding_line
from qevd_bio.views.formatting import counted, moment_words, number_words

MOST_CURVES = 6
MOST_EMBEDDED_BYTES = 32_000_000
"""A longer video stays beside the page, which plays it from there."""

_PACKAGES = ("qevd_bio.coach", "qevd_bio.views")


@dataclass(frozen=True, slots=True)
class RepetitionEntry:
    """One repetition as the page shows it."""

    number: int
    set_number: int
    start_s: float
    end_s: float
    heading: str
    mark: str
    sentences: tuple[str, ...]
    lines: tuple[FindingLine, ...]


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One form error of the whole video as the page shows it."""

    text: str
    how_often: str
    at_s: float
    where: str


def write_page(
    video: CoachedVideo,
    against: AgainstGold | None,
    curves: Sequence[Curve],
    film: Path,
    files: Mapping[str, Path],
    path: Path,
) -> None:
    """Write the page of a video.

    Parameters
    ----------
    video : CoachedVideo
        What is said.
    against : AgainstGold or None
        How it compares with gold executions, if there are any.
    curves : sequence of Curve
        Drawn in this order.
    film : Path
        The annotated mp4, in the folder of the page.
    files : mapping of str to Path
        What else was written there.
    path : Path
        The HTML to write. It fetches nothing but, where the film is long, the film.
    """
    is_inside = film.stat().st_size <= MOST_EMBEDDED_BYTES
    data = read_input(film) if is_inside else b""
    first_s = float(video.analysed.motion.time_s[0])
    page = render(
        _PACKAGES,
        "coach_page.html",
        title=f"{video.rule.title}: {video.count_words()}",
        video=video,
        against=against,
        film=f"data:video/mp4;base64,{base64.b64encode(data).decode('ascii')}"
        if is_inside
        else film.name,
        is_inside=is_inside,
        errors=[error_entry(one, video) for one in video.important],
        others=[error_entry(one, video) for one in video.errors[len(video.important) :]],
        repetitions=[repetition_entry(one, first_s) for one in video.repetitions],
        panels=_panels(curves),
        evidence=_evidence(video),
        length=moment_words(float(video.analysed.motion.time_s[-1]) - first_s),
        files=sorted(files),
        axis=AXIS_PX,
        colours=COLOURS,
        styles=STYLES,
        digest=content_digest,
    )
    write_text_atomic(path, page)


def repetition_entry(repetition: Repetition, first_s: float) -> RepetitionEntry:
    """Put a repetition into words; times count from the first frame."""
    cycle = repetition.cycle
    start_s, end_s = cycle.start_s - first_s, cycle.end_s - first_s
    side = {"r": " (right)", "l": " (left)", None: ""}[cycle.side]
    noun = "Hold" if cycle.kind == "hold" else "Repetition"
    times = f"{moment_words(start_s)} to {moment_words(end_s)}"
    lasts = number_words(end_s - start_s, "s")
    cut = f", cut at its {cycle.cut}" if cycle.cut else ""
    errors = len(repetition.sentences)
    return RepetitionEntry(
        number=repetition.number,
        set_number=repetition.set_number,
        start_s=round(start_s, 3),
        end_s=round(end_s, 3),
        heading=f"{noun} {repetition.number}{side}: {times}, {lasts}{cut}",
        mark=counted(errors, "form error") if errors else "no form error measured",
        sentences=repetition.sentences,
        lines=tuple(finding_line(one, spoken=False) for one in repetition.findings),
    )


def error_entry(error: FormError, video: CoachedVideo) -> ErrorEntry:
    """Put a form error into words: how often, and where to look."""
    shown = video.repetitions[error.shown_in]
    noun = "hold" if shown.cycle.kind == "hold" else "repetition"
    found = len(error.repetitions)
    of = counted(max(error.checked, found), noun)
    first_s = float(video.analysed.motion.time_s[0])
    key_s = error.statement[0].key_s - first_s
    return ErrorEntry(
        text=error.text,
        how_often=f"In {found} of {of}",
        at_s=round(key_s, 3),
        where=f"{noun} {shown.number} at {moment_words(key_s)}",
    )


def _evidence(video: CoachedVideo) -> tuple[str, list[str]]:
    """Say what was measured in the first whole repetition: its heading, and a text each."""
    whole = [one for one in video.repetitions if one.cycle.cut is None] or video.repetitions
    if not whole:
        return "", []
    noun = "hold" if whole[0].cycle.kind == "hold" else "repetition"
    texts = measured_texts(whole[0], video.rule)
    return f"{noun} {whole[0].number}", [text[:1].upper() + text[1:] for text in texts]


def _panels(curves: Sequence[Curve]) -> list[tuple[Drawing, str]]:
    return [(curve_drawing(one), curve_caption(one)) for one in curves[:MOST_CURVES]]
