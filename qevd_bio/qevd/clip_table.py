"""A table of clips as people write it: clip, exercise, start, end, text."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.qevd.clip_record import Clip, ClipExercise, ClipSentence
from qevd_bio.qevd.texts import text_fault

COLUMNS = ("clip", "exercise", "start", "end", "text")
_NEXT_STEP = f"Write a CSV with the columns {', '.join(COLUMNS)}; see docs/import.md"


def read_clip_table(path: Path) -> list[Clip]:
    """Read which exercises and sentences clips hold.

    Parameters
    ----------
    path : Path
        CSV with a header. ``clip``: a video file, relative to the table's folder. ``start`` and
        ``end``: seconds from its first frame. A row without ``text`` says when an exercise is
        done; empty times: from the beginning, to the end. A row with ``text`` is a sentence that
        begins at ``start``; its exercise may be left out.

    Returns
    -------
    list of Clip
        In the order of their first rows. A clip whose rows all have a text does their one
        exercise from beginning to end.

    Raises
    ------
    DataError
        The file cannot be read, a column is unknown or missing, or a row cannot be used: its
        line is named.
    """
    rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in _rows(path):
        if not row["clip"]:
            raise _bad(path, line, "names no clip")
        rows.setdefault(row["clip"], []).append((line, row))
    if not rows:
        raise DataError("names no clip", where=str(path), next_step=_NEXT_STEP)
    return [_clip(path, name, of_clip) for name, of_clip in rows.items()]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = read_text_regular(path, most_bytes=1 << 26, follow_links=True)
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = [name.strip() for name in reader.fieldnames or ()]
        if len(set(names)) < len(names) or not {"clip", "exercise"} <= set(names) <= set(COLUMNS):
            cause = f"has the columns {', '.join(names)[:200]!a}"
            raise DataError(cause, where=str(path), next_step=_NEXT_STEP)
        found = []
        for row in reader:
            if None in row or None in row.values():
                raise _bad(path, reader.line_num, f"has not {len(names)} columns")
            cells = {name.strip(): cell.strip() for name, cell in row.items()}
            found.append((reader.line_num, dict.fromkeys(COLUMNS, "") | cells))
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
        raise DataError(cause, where=str(path), next_step=_NEXT_STEP) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"is no CSV in UTF-8 ({error})", where=str(path),
                        next_step=_NEXT_STEP) from error  # fmt: skip
    return found


def _clip(path: Path, name: str, rows: list[tuple[int, dict[str, str]]]) -> Clip:
    exercises, sentences = [], []
    for line, row in rows:
        start, end = (_seconds(path, line, row[key]) for key in ("start", "end"))
        if not row["text"]:
            if not row["exercise"]:
                raise _bad(path, line, "has neither an exercise nor a text")
            exercises.append(ClipExercise(row["exercise"], start, end))
            continue
        if fault := text_fault(row["text"]):
            raise _bad(path, line, f"has a text that {fault}")
        if start is None:
            raise _bad(path, line, "has a text without a start")
        sentences.append(ClipSentence(row["text"], start, end))
    named = dict.fromkeys(row["exercise"] for _, row in rows if row["exercise"])
    if not exercises:
        if len(named) != 1:
            cause = f"sentences of {name} name {len(named)} exercises and no row says when"
            raise _bad(path, rows[0][0], cause)
        exercises = [ClipExercise(next(iter(named)))]
    exercises.sort(key=lambda one: one.start_s or 0.0)
    return Clip((path.parent / name), tuple(exercises), tuple(sentences), f"{path}: clip {name}")


def _seconds(path: Path, line: int, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value < 1e6:
        raise _bad(path, line, f"{text[:40]!a} is no time in seconds")
    return value


def _bad(path: Path, line: int, cause: str) -> DataError:
    return DataError(cause, where=f"{path} line {line}", next_step=_NEXT_STEP)
