"""One self-contained page of generated motions: curves and muscles of each, what was rejected.

L frames
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.files.templates import content_digest, render
from qevd_bio.generator.attempts import Attempt, motion_name
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.measures import MEASURES, VASTI
from qevd_bio.generator.objectives_file import Asked
from qevd_bio.views.curve_drawing import COLOURS, STYLES, Drawing, curve_drawing
from qevd_bio.views.curves import Curve, Target

GROUPS: Mapping[str, str] = {
    "gluteus maximus": "glmax",
    "hamstrings": "bflh",
    "rectus femoris": "recfem",
    "soleus": "soleus",
}
"""Muscles that are drawn beside vastus medialis, by how the names of their parts begin."""

_PACKAGES = ("qevd_bio.generator", "qevd_bio.views")


class Named(Protocol):
    """A body whose coordinates and muscles have names."""

    coordinates: tuple[str, ...]
    muscles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A measure of one motion: what was asked for, and what it is."""

    measure: str
    unit: str
    asked: str
    by_surrogate: float
    by_simulation: float


def generated_page(
    asked: Asked,
    body: Named,
    accepted: Sequence[Attempt],
    rejected: Sequence[Attempt],
    chosen: Attempt | None,
) -> str:
    """Write the page; it fetches nothing and has no script."""
    wanted = {one.measure: one for one in asked.objectives}
    tried = len(accepted) + len(rejected)
    return render(
        _PACKAGES,
        "generated.html",
        title=f"{len(accepted)} of {tried} generated motions accepted: {asked.exercise}",
        asked=[
            f"{_words(one.measure)} {_range(one)} (weight {one.weight:g})"
            for one in asked.objectives
        ],
        motions=[
            {
                "name": motion_name(one),
                "chosen": chosen is not None and one.number == chosen.number,
                "lasts_s": float(one.time_s[-1]),
                "rows": _rows(one, wanted),
                "panels": list(_panels(one, body, wanted)),
            }
            for one in accepted
        ],
        rejected=[
            {"number": one.number, "reasons": one.reasons, "rows": _rows(one, wanted)}
            for one in rejected
        ],
        causes=_causes(rejected),
        colours=COLOURS,
        styles=STYLES,
        digest=content_digest,
    )


def _words(measure: str) -> str:
    return measure.replace("_", " ")


def _range(one: Objective) -> str:
    unit = MEASURES[one.measure][0]
    return f"{one.low:g} to {one.high:g}" + ("" if unit == "activation" else f" {unit}")


def _rows(one: Attempt, wanted: Mapping[str, Objective]) -> list[Row]:
    return [
        Row(_words(name), unit, _range(wanted[name]) if name in wanted else "",
            one.by_surrogate[name], one.by_simulation[name])
        for name, (unit, _) in MEASURES.items()
    ]  # fmt: skip


def _causes(rejected: Sequence[Attempt]) -> list[tuple[str, int]]:
    """Count what motions were rejected for, the most frequent first; one can have several."""
    counts = Counter(
        cause for one in rejected for cause in {reason.partition(" is ")[0].partition(":")[0]
                                                for reason in one.reasons}
    )  # fmt: skip
    return counts.most_common()


def _panels(
    one: Attempt, body: Named, wanted: Mapping[str, Objective]
) -> Iterator[tuple[Drawing, str]]:
    """Draw knees, tilt, vastus medialis and further muscles over the motion."""
    degrees = {name: np.rad2deg(column)
               for name, column in zip(body.coordinates, one.q.T, strict=True)}  # fmt: skip
    knees = degrees["knee_angle_r"], degrees["knee_angle_l"]
    yield (
        _drawn(one, "knee flexion", "deg", {"right": knees[0], "left": knees[1]}, wanted, "depth"),
        "Knee flexion, solid right, dashed left"
        + "; band: where the deepest point is asked for" * ("depth" in wanted),
    )
    yield (
        _drawn(one, "pelvis tilt", "deg", {"": degrees["pelvis_tilt"]}, wanted, "tilt"),
        "Tilt of the pelvis, forward is negative"
        + "; band: where the furthest is asked for" * ("tilt" in wanted),
    )
    vasti = dict(zip(("right", "left"), (one.activations[:, body.muscles.index(name)]
                                         for name in VASTI), strict=True))  # fmt: skip
    yield (
        _drawn(one, "vastus medialis", "ratio", vasti, wanted, "vastus_medialis"),
        "Activation of vastus medialis by simulation"
        + "; band: where the peak is asked for" * ("vastus_medialis" in wanted),
    )
    groups = {name: _of_group(one, body, start) for name, start in GROUPS.items()}
    yield (
        _drawn(one, "further muscles", "ratio", groups, {}, ""),
        "Activation of " + ", ".join(groups) + ", each by its first letter",
    )


def _of_group(one: Attempt, body: Named, start: str) -> FloatArray:
    """Return the largest activation (L,) of the muscles whose names begin so."""
    columns = [i for i, name in enumerate(body.muscles) if name.startswith(start)]
    return np.asarray(one.activations[:, columns].max(axis=1))


def _drawn(
    one: Attempt,
    label: str,
    unit: str,
    traces: Mapping[str, FloatArray],
    wanted: Mapping[str, Objective],
    measure: str,
) -> Drawing:
    (name, values), *others = traces.items()
    asked = wanted.get(measure)
    curve = Curve(
        video_id=motion_name(one),
        segment_index=0,
        exercise="",
        measure=label,
        label=label,
        unit=unit,
        time_s=one.time_s,
        values=values,
        trace=name,
        others=dict(others),
        target=None if asked is None else Target(asked.low, asked.high),
    )
    return curve_drawing(curve, whole="motion")
