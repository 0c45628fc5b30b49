"""The table of an ablation: every row beside the controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from qevd_bio.ablation.config import AblationConfig, as_json
from qevd_bio.ablation.run_stage import AblationStage, runs_of
from qevd_bio.ablation.switches import SWITCHES
from qevd_bio.engine.events import Event, RunSummary
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.plan import plan
from qevd_bio.engine.runs import recorded_run
from qevd_bio.engine.store import Store
from qevd_bio.errors import DataError
from qevd_bio.evaluation.predictions import read_predictions
from qevd_bio.evaluation.references import References
from qevd_bio.evaluation.score_page import score_page
from qevd_bio.evaluation.score_report import ScoreReport, System, write_scores
from qevd_bio.evaluation.scoring import ScoreConfig, score_systems

_UNITS = "units"


def run_ablation(
    config: AblationConfig,
    folder: Path,
    *,
    argv: Sequence[str],
    on_event: Callable[[Event], None],
    report: Callable[[str], None],
) -> RunSummary:
    """Bring every run up to date, one after the other; finished ones stay.

    Parameters
    ----------
    config : AblationConfig
        What is run.
    folder : Path
        For trainings, units and the table; one that exists is resumed.
    argv : sequence of str
        The command line, for the record.
    on_event, report : callable
        As in `qevd_bio.pipeline.pipeline.Pipeline.run`.
    """
    stage, store = AblationStage(config, folder), Store(folder / _UNITS)
    with recorded_run(
        store.root,
        argv=argv,
        config=as_json(config),
        execution={"units": len(runs_of(config))},
        on_event=on_event,
        report=report,
    ) as run:
        names = list(runs_of(config))
        return run_local([stage], names, store, run.tally, run_id=run.run_id)


def ablation_table(config: AblationConfig, folder: Path, scoring: ScoreConfig) -> ScoreReport:
    """Score the finished runs, each row over its seeds together, beside the controls.

    Rows that were not run are named with the reason among what is not computed.

    Raises
    ------
    DataError
        The full coach, with which all rows are compared, was not run.
    """
    said, missing = _said(config, folder)
    rows = [row for row in config.rows if row in said]
    if not rows or rows[0] != config.rows[0]:
        raise DataError(
            f"has no finished run of the row '{config.rows[0]}'",
            where=str(folder),
            next_step="Run 'qevd-bio ablate' again; finished runs stay",
        )

    def systems(_asked: References) -> list[System]:
        return [_system(row, said[row]) for row in rows]

    report = score_systems(config.source.release, systems, scoring)
    return replace(report, not_computed={**report.not_computed, **missing})


def write_table(folder: Path, report: ScoreReport) -> list[Path]:
    """Write the table as JSON, Parquet and a page; return the files."""
    return write_scores(folder / "table", report, score_page(report))


def _system(row: str, files: Sequence[Path]) -> System:
    first, *further = [read_predictions(file)[0] for file in files]
    about = f"{SWITCHES[row].about}; {len(files)} seed{'s' if further else ''}"
    return System(row, first, about=about, again=tuple(further))


def _said(config: AblationConfig, folder: Path) -> tuple[dict[str, list[Path]], dict[str, str]]:
    """Find what each row said, and why rows or seeds are missing."""
    store, runs = Store(folder / _UNITS), runs_of(config)
    found: dict[str, list[Path]] = {}
    missing: dict[str, str] = {}
    for unit in plan([AblationStage(config, folder)], list(runs), store):
        run = runs[unit.video_id]
        if unit.completed is not None:
            found.setdefault(run.row, []).append(store.artifact_path(unit.completed))
        else:
            why = "; ".join(unit.why) or unit.action
            missing[f"{run.row}, seed {run.seed}"] = f"not run: {why}"
    return found, missing
