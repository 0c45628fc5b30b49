"""The demo: rendered videos with known motion, through the pipeline, measured against truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qevd_bio.demo.accuracy import (
    AngleAccuracy,
    CountAccuracy,
    angle_accuracy,
    count_accuracy,
)
from qevd_bio.demo.sessions import demo_sessions
from qevd_bio.demo.workout import DemoTruth, make_demo_folder
from qevd_bio.engine.events import Event
from qevd_bio.errors import UsageError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.pipeline.config import PipelineConfig
from qevd_bio.pipeline.pipeline import Pipeline, open_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.verify.before_publishing import refuse_condemned
from qevd_bio.views.diff_page import write_diff_page
from qevd_bio.views.plot import write_plot
from qevd_bio.views.work_folder import annotation_rows

SEED = 1
VERSION = "0.1.0"
MARK = "made-by-qevd-bio-demo"
REPORT = "report.txt"
Table = Callable[[Sequence[str], Sequence[Sequence[object]]], str]


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Where the demo's results lie, its annotation rows and the comparison with the truth."""

    folder: Path
    release: Path
    page: Path
    plots: tuple[Path, ...]
    rows: list[dict[str, Any]]
    angles: list[AngleAccuracy]
    counts: list[CountAccuracy]
    failures: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        shown = ("video_id", "exercise", "status", "reason", "feedback_original", "feedback")
        return {
            "folder": str(self.folder),
            "release": str(self.release),
            "page": str(self.page),
            "plots": [str(path) for path in self.plots],
            "utterances": [{name: row[name] for name in shown} for row in self.rows],
            "angles": [asdict(line) for line in self.angles],
            "repetitions": [asdict(line) for line in self.counts],
            "failures": self.failures,
        }

    def as_text(self, table: Table) -> str:
        """Return the report for the terminal."""
        sentences = [
            (
                row["video_id"],
                row["status"],
                row["feedback_original"],
                row["feedback"] if row["status"] == "rewritten" else f"({row['reason']})",
            )
            for row in self.rows
            if not row["is_transition"]
        ]
        angles = [
            (a.video_id, a.exercise, a.view, a.measure, a.frames, f"{a.rmse_deg:.1f}",
             f"{a.slope:.2f}", f"{a.known_peak_deg:.0f}", f"{a.measured_peak_deg:.0f}",
             f"{a.sigma_deg:.1f}")
            for a in self.angles
        ]  # fmt: skip
        counts = [
            (c.video_id, c.exercise, c.view, c.known, c.found, c.sides_right) for c in self.counts
        ]
        header = ("video", "exercise", "view", "measure", "frames", "RMSE", "slope",
                  "known peak", "measured peak", "stated sigma")  # fmt: skip
        where = [
            ("Parquet release", self.release),
            ("page, old and new with curves", self.page),
            *(("plot", path) for path in self.plots),
            ("this report", self.folder / REPORT),
        ]
        parts = [
            "Sentences, old -> new (in brackets: why it was kept)",
            table(("video", "status", "old", "new"), sentences),
            "Known against measured angles, in degrees (rendered people, so the truth is exact)",
            table(header, angles),
            "Repetitions",
            table(("video", "exercise", "view", "known", "found", "leading side right"), counts),
            table(("what", "where"), where),
        ]
        return "\n\n".join([*parts, *(f"failed: {line}" for line in self.failures)])


def run_demo(folder: Path, *, message: Callable[[str], None], table: Table) -> DemoReport:
    """Render the videos, run the pipeline on them, and compare with the truth.

    Parameters
    ----------
    folder : Path
        New, empty, or the folder of an earlier demo, which is replaced.
    message : callable
        Called with each step.
    table : callable
        Formats header and rows as text.

    Returns
    -------
    DemoReport
        Also written to ``report.txt`` in the folder.

    Raises
    ------
    UsageError
        The folder holds something else.
    """
    _empty_folder(folder)
    message("1/4 rendering people with known motion")
    truth = make_demo_folder(folder / "QEVD", demo_sessions(), seed=SEED)
    pipeline = open_pipeline(PipelineConfig(folder / "QEVD"), folder / "work")
    message("2/4 measuring, finding cycles, checking, rewriting")
    failures: list[str] = []

    def on_event(event: Event) -> None:
        if event.kind == "started" and event.stage == "kinematics":
            message(f"    video {event.video_id}")
        if event.kind == "failed":
            failures.append(f"{event.video_id} {event.stage}: {event.reason}")

    pipeline.run(argv=["qevd-bio", "demo"], on_event=on_event)
    message("3/4 publishing")
    release = release_from(
        pipeline, out=folder / "release", version=VERSION, check=refuse_condemned
    )
    if find_spec("matplotlib"):
        message("4/4 drawing and comparing with the truth")
    else:
        message("4/4 comparing with the truth; the extra `plot` is not installed: no plots")
    report = _report(folder, pipeline, truth, release.folder, failures)
    write_text_atomic(folder / REPORT, report.as_text(table) + "\n")
    return report


def _report(
    folder: Path, pipeline: Pipeline, truth: DemoTruth, release: Path, failures: list[str]
) -> DemoReport:
    rows = annotation_rows(pipeline)
    page = folder / "changes.html"
    write_diff_page(pipeline, page)
    drawn = truth.videos if find_spec("matplotlib") else ()
    plots = tuple(folder / "plots" / f"{video}.png" for video in drawn)
    for path in plots:
        write_plot(pipeline, path.stem, path)
    artifacts, videos = pipeline.artifacts(), truth.videos.values()
    return DemoReport(
        folder=folder,
        release=release,
        page=page,
        plots=plots,
        rows=rows,
        angles=[line for v in videos for line in angle_accuracy(v, artifacts[v.video_id])],
        counts=[line for v in videos for line in count_accuracy(v, artifacts[v.video_id])],
        failures=failures,
    )


def _empty_folder(folder: Path) -> None:
    """Delete only an earlier demo."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise UsageError(
                "is not empty and was not made by the demo",
                where=str(folder),
                next_step="Give a new folder with --out",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text_atomic(folder / MARK, "qevd-bio demo replaces this folder at each run\n")
