"""The report of an evaluation for readers: one HTML page, and tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from qevd_bio.evaluation.figures import Difference, Figure, Value
from qevd_bio.evaluation.score_report import Scored, ScoreReport
from qevd_bio.files.templates import render

NOTHING = "–"
_WIDTH, _LEFT, _ROW = 640.0, 150.0, 22.0


def score_page(report: ScoreReport) -> str:
    """Write an HTML page that needs no other file and no script."""
    return render(
        "qevd_bio.evaluation",
        "scores.html",
        title="What was said, against what was to be said",
        about=report.about,
        report=report,
        groups=_groups(report.figures),
        overall=[_row(one, one.overall, one.reached_by, report.figures) for one in report.systems],
        differences=[
            (name, [_difference(found[one.name]) for one in report.figures])
            for name, found in report.differences.items()
        ],
        exercises=[(name, _exercise(report, name)) for name in _exercises(report)],
        charts=[_chart(report, one) for one in report.figures],
        width=_WIDTH,
    )


def score_rows(report: ScoreReport) -> list[tuple[str, ...]]:
    """List head and rows of the overall table, for a terminal."""
    head = ("system", *(f"{one.group} {one.title}" for one in report.figures))
    rows = [
        (one.name, *(_short(one.overall[figure.name], one.reached_by.get(figure.name))
                     for figure in report.figures))
        for one in report.systems
    ]  # fmt: skip
    return [head, *rows]


def _groups(wanted: Sequence[Figure]) -> list[tuple[str, int]]:
    return [(name, len(list(own))) for name, own in groupby(wanted, key=lambda one: one.group)]


def _exercises(report: ScoreReport) -> list[str]:
    return sorted(report.systems[0].by_exercise)


def _exercise(report: ScoreReport, name: str) -> list[dict[str, Any]]:
    return [
        _row(one, one.by_exercise[name], one.reached_by_exercise.get(name, {}), report.figures)
        for one in report.systems
    ]


def _row(
    system: Scored,
    found: Mapping[str, Value],
    reached_by: Mapping[str, Sequence[str]],
    wanted: Sequence[Figure],
) -> dict[str, Any]:
    return {
        "name": system.name,
        "is_control": system.is_control,
        "cells": [
            {
                "value": _number(found[one.name].value),
                "interval": _interval(found[one.name].interval),
                "reached_by": ", ".join(reached_by.get(one.name, ())),
            }
            for one in wanted
        ],
    }


def _short(value: Value, reached_by: Sequence[str] | None) -> str:
    return f"{_number(value.value)}{'*' if reached_by else ''}"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _interval(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _difference(one: Difference) -> dict[str, str]:
    sign = "" if one.value is None else f"{one.value:+.3f}"
    p = "" if one.p is None else f"p = {one.p:.3f}"
    return {"value": sign or NOTHING, "interval": _interval(one.interval), "p": p}


def _chart(report: ScoreReport, figure: Figure) -> dict[str, Any]:
    """Place a figure of each system, with its interval, on one axis from 0 to the largest."""
    found = [(one, one.overall[figure.name]) for one in report.systems]
    ends = [value.interval[1] for _, value in found if value.interval is not None]
    largest = max([*ends, *(value.value or 0.0 for _, value in found), 1e-9])

    def place(value: float) -> float:
        return _LEFT + value / largest * (_WIDTH - _LEFT - 20.0)

    rows = [
        {
            "name": one.name,
            "is_control": one.is_control,
            "y": _ROW * (number + 0.5),
            "x": None if value.value is None else place(value.value),
            "ends": None if value.interval is None else [place(end) for end in value.interval],
        }
        for number, (one, value) in enumerate(found)
    ]
    return {
        "title": f"{figure.group}: {figure.title}",
        "rows": rows,
        "height": _ROW * (len(rows) + 1),
        "left": _LEFT,
        "ticks": [(place(part * largest), f"{part * largest:.2f}") for part in (0.0, 0.5, 1.0)],
    }
