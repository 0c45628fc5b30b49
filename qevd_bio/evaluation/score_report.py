"""Systems beside the controls: figures overall and by exercise, differences, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from qevd_bio.evaluation.bootstrap import DRAWS, SEED
from qevd_bio.evaluation.controls import Spoken
from qevd_bio.evaluation.figures import Difference, Figure, Sums, Value, differences, values
from qevd_bio.evaluation.references import References
from qevd_bio.evaluation.segment_scores import TextScore, count_segment
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import dump_json
from qevd_bio.tables.columns import column
from qevd_bio.tables.parquet import rows_table, write_parquet

REPORT_FILE, SEGMENTS_FILE, PAGE_FILE = "scores.json", "scores.parquet", "scores.html"
FORMAT, VERSION = "qevd_bio.scores", 1


@dataclass(frozen=True, slots=True)
class System:
    """What one system or control said.

    Attributes
    ----------
    name : str
        Unique among those compared.
    said : mapping
        By exercise; one that is missing was silent.
    is_control : bool
        Whether it understands nothing, by construction.
    about : str
        What it does or what made it.
    again : tuple of mapping
        What it said in further runs, by other seeds: figures are of all runs together.
    """

    name: str
    said: Spoken
    is_control: bool = False
    about: str = ""
    again: tuple[Spoken, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """Figures of one system.

    Attributes
    ----------
    name, is_control, about
        As in `System`.
    sentences, unanswered, elsewhere : int
        Sentences it said; exercises it gives no entry for, which count as silence; and
        exercises it speaks about that hold no true sentence, which are left out.
    overall : mapping of str to Value
        By figure.
    by_exercise : mapping of str to mapping
        The same for each exercise.
    reached_by : mapping of str to tuple of str
        By figure, the controls that reach it: it means nothing. None for a control.
    reached_by_exercise : mapping of str to mapping
        The same for each exercise.
    """

    name: str
    is_control: bool
    about: str
    sentences: int
    unanswered: int
    elsewhere: int
    overall: Mapping[str, Value]
    by_exercise: Mapping[str, Mapping[str, Value]]
    reached_by: Mapping[str, tuple[str, ...]]
    reached_by_exercise: Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """An evaluation.

    Attributes
    ----------
    about : mapping of str to str
        Release, split, sentences.
    sessions, exercises, sentences : int
        What the trainer's side holds.
    figures : tuple of Figure
        Columns.
    systems : tuple of Scored
        Systems, then controls.
    differences : mapping of str to mapping
        The first system against each other one, by name and figure.
    not_computed : mapping of str to str
        What is left out, and why.
    counts : tuple of dict
        Of each system and exercise, what was counted.
    """

    about: Mapping[str, str]
    sessions: int
    exercises: int
    sentences: int
    figures: tuple[Figure, ...]
    systems: tuple[Scored, ...]
    differences: Mapping[str, Mapping[str, Difference]]
    not_computed: Mapping[str, str]
    seed: int
    draws: int
    counts: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Spell everything out but the counts, which have their own file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "about": dict(self.about),
            "sessions": self.sessions,
            "exercises": self.exercises,
            "sentences": self.sentences,
            "figures": [
                {"name": one.name, "title": one.title, "group": one.group} for one in self.figures
            ],
            "systems": [asdict(one) for one in self.systems],
            "differences": {
                name: {figure: asdict(one) for figure, one in found.items()}
                for name, found in self.differences.items()
            },
            "not_computed": dict(self.not_computed),
            "seed": self.seed,
            "draws": self.draws,
        }


def score_report(
    asked: References,
    systems: Sequence[System],
    wanted: Sequence[Figure],
    texts: Mapping[str, TextScore],
    *,
    about: Mapping[str, str],
    not_computed: Mapping[str, str],
    seed: int = SEED,
    draws: int = DRAWS,
) -> ScoreReport:
    """Score systems on the same exercises.

    Parameters
    ----------
    asked : mapping of SegmentKey to Reference
        The exercises with their true sentences.
    systems : sequence of System
        The first is compared with each other one.
    wanted : sequence of Figure
        From `qevd_bio.evaluation.figures.figures`, of the same measures as `texts`.
    texts : mapping of str to callable
        Measures of text.
    about, not_computed : mapping of str to str
        Kept in the report.
    seed, draws : int
        Of intervals and tests.
    """
    tables = {one.name: _counted(asked, one, texts) for one in systems}
    overall, by_exercise = {}, {}
    for name, table in tables.items():
        overall[name] = values(_sums(table), wanted, seed=seed, draws=draws)
        by_exercise[name] = {
            str(exercise): values(_sums(part), wanted, seed=seed, draws=draws)
            for exercise, part in table.groupby("exercise_text")
        }
    controls = [one.name for one in systems if one.is_control]
    scored = tuple(
        _scored(one, asked, tables[one.name], overall, by_exercise, controls) for one in systems
    )
    first, *others = systems
    own = _sums(tables[first.name])
    return ScoreReport(
        about=about,
        sessions=len(own["true"]),
        exercises=len(asked),
        sentences=sum(len(one.true.utterances) for one in asked.values()),
        figures=tuple(wanted),
        systems=scored,
        differences={
            other.name: differences(own, _sums(tables[other.name]), wanted, seed=seed, draws=draws)
            for other in others
        },
        not_computed=not_computed,
        seed=seed,
        draws=draws,
        counts=tuple(
            {"system": name, **{str(key): value for key, value in row.items()}}
            for name, table in tables.items()
            for row in table.to_dict("records")
        ),
    )


def _scored(
    one: System,
    asked: References,
    table: pd.DataFrame,
    overall: Mapping[str, Mapping[str, Value]],
    by_exercise: Mapping[str, Mapping[str, Mapping[str, Value]]],
    controls: Sequence[str],
) -> Scored:
    own, own_exercises = overall[one.name], by_exercise[one.name]
    compared = [] if one.is_control else controls
    return Scored(
        name=one.name,
        is_control=one.is_control,
        about=one.about,
        sentences=int(table["predicted"].sum()),
        unanswered=len(set(asked) - set(one.said)),
        elsewhere=len(set(one.said) - set(asked)),
        overall=own,
        by_exercise=own_exercises,
        reached_by=_reached(own, {name: overall[name] for name in compared}),
        reached_by_exercise={
            exercise: _reached(found, {name: by_exercise[name][exercise] for name in compared})
            for exercise, found in own_exercises.items()
        },
    )


def write_scores(folder: Path, report: ScoreReport, page: str) -> list[Path]:
    """Write the report as JSON, what was counted as Parquet, and the page; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT_FILE
    write_text_atomic(path, dump_json(report.as_json(), where=str(path), indent=1) + "\n")
    table = rows_table(report.counts, _schema(report.counts[0]))
    write_parquet(table, folder / SEGMENTS_FILE, notes={"format": FORMAT, "version": VERSION})
    write_text_atomic(folder / PAGE_FILE, page)
    return [folder / name for name in (REPORT_FILE, SEGMENTS_FILE, PAGE_FILE)]


def _schema(row: Mapping[str, Any]) -> pa.Schema:
    texts = {
        "system": "System or control",
        "video_id": "Session",
        "exercise_text": "Exercise as the trainer named it",
    }
    kinds = {"segment_index": pa.int32(), **dict.fromkeys(texts, pa.string())}
    words = {"segment_index": "Exercise of the session, from 0", **texts}
    return pa.schema(
        column(name, kinds.get(name, pa.float64()), words.get(name, f"Sum of {name}"))
        for name in row
    )


def _counted(asked: References, system: System, texts: Mapping[str, TextScore]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "video_id": key.video_id,
            "segment_index": key.segment_index,
            "exercise_text": one.text,
            **count_segment(one.true, said.get(key, ()), texts),
        }
        for key, one in sorted(asked.items())
        for said in (system.said, *system.again)
    )


def _sums(table: pd.DataFrame) -> Sums:
    """Add the exercises of each session up, in the order of the sessions."""
    counts = table.drop(columns=["segment_index", "exercise_text"])
    sessions = counts.groupby("video_id").sum()
    return {str(name): sessions[name].to_numpy(dtype=float) for name in sessions}


def _reached(
    own: Mapping[str, Value], controls: Mapping[str, Mapping[str, Value]]
) -> dict[str, tuple[str, ...]]:
    return {
        figure: tuple(
            name for name, its in controls.items() if _is_reached(value.value, its[figure].value)
        )
        for figure, value in own.items()
    }


def _is_reached(value: float | None, control: float | None) -> bool:
    return control is not None and (value is None or control >= value)
