"""The reference of a rule as a picture.

P phase points
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qevd_bio.errors import EnvironmentProblem
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.atomic import write_bytes_atomic
from qevd_bio.motion.constraints import THROUGHOUT
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3
_CURVE, _TARGET, _PHASE = "#0550ae", "#1a7f37", "#8c959f"


def draw_reference(rule: Rule, path: Path) -> None:
    """Draw each checked measure over the reference of a rule, with its targets, into a PNG.

    Raises
    ------
    EnvironmentProblem
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            "matplotlib is not installed",
            where="rules show --plot",
            next_step="pip install 'qevd-bio[plot]'",
        ) from error

    checked = [c.measure for c in rule.constraints if c.check != "tempo"]
    measures = list(dict.fromkeys([rule.representative.measure, *checked]))
    names = {m: [n for n in (m, f"{m}_r", f"{m}_l") if n in CATALOGUE] for m in measures}
    curves = measure_values(
        [name for group in names.values() for name in group],
        build_reference(rule),
        generic_skeleton(),
        WORLD_GRAVITY,
    )
    at = np.linspace(0.0, 1.0, rule.points)
    rows = -(-len(measures) // _COLUMNS)
    figure = Figure(figsize=(4.0 * _COLUMNS, 2.4 * rows), dpi=100, layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).flatten()
    for panel, measure in zip(panels[: len(measures)], measures, strict=True):
        for name in names[measure]:
            style = "--" if name.endswith("_l") else "-"
            panel.plot(at, curves[name], style, color=_CURVE, lw=1.3, label=name)
        _draw_targets(panel, rule, measure)
        panel.set_title(f"{measure} ({CATALOGUE[names[measure][0]].unit})", fontsize=9)
        panel.tick_params(labelsize=7)
    for panel in panels[len(measures) :]:
        panel.set_axis_off()
    figure.suptitle(
        f"{rule.title}: reference over one cycle; solid right, dashed left, green target at "
        "its phase",
        fontsize=10,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes_atomic(path, buffer.getvalue())


def _draw_targets(panel: Axes, rule: Rule, measure: str) -> None:
    for c in rule.constraints:
        if c.measure != measure or c.check != "dynamic":
            continue
        bounds = [c.target_low, c.target_high]
        if c.phase == THROUGHOUT:
            panel.axhspan(*bounds, color=_TARGET, alpha=0.12)
            continue
        place = rule.phase(c.phase).at
        panel.plot([place] * 2, bounds, color=_TARGET, lw=6, alpha=0.35, solid_capstyle="butt")
    for phase in rule.phases:
        panel.axvline(phase.at, color=_PHASE, lw=0.6, ls=":")
