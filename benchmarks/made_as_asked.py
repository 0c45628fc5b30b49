"""Made squats of the model itself that do what is asked, drawn until there are enough.

They are what generated squats are compared with: the same styles as in training, other seeds,
the model's own body, objectives met by simulation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.judging import Simulated, reasons_against, simulated_motion
from qevd_bio.muscles.prepared import PreparedModel
from qevd_bio.synthetic.squats import random_style
from qevd_bio.synthetic.there_and_back import RATE_HZ, performed

KEPT_EVERY = 3
_SPARE_DEG = 10.0
"""Unsteady knees bend so much more or less than their style says, at most."""

MOST_DRAWS = 3000
"""So many styles in a row without a squat that does as asked, and no more are drawn."""

Cycle = tuple[np.ndarray, np.ndarray]


def made_as_asked(
    model: PreparedModel, objectives: Sequence[Objective], count: int, seed: int, kept: Path
) -> list[Simulated]:
    """Return `count` squats that meet the objectives; their motions are kept in a file.

    The digest of the model is put into its name: other models, other squats. Styles of another
    depth are passed over unsimulated, which changes nothing but the cost.

    Raises
    ------
    SystemExit
        The file holds another request, or nobody does as asked in `MOST_DRAWS` styles.
    """
    kept = kept.with_name(f"{kept.stem}-{model.sha256}{kept.suffix}")
    told = json.dumps(
        [[one.measure, float(one.low), float(one.high)] for one in objectives] + [count, seed]
    )
    if kept.is_file():
        found = load_npz(kept, ("q", "frames", "told"))
        if str(found["told"]) != told:
            raise SystemExit(f"{kept} holds squats of another request; name another file")
        parts = np.split(found["q"], np.cumsum(found["frames"])[:-1])
        return [simulated_motion(model, q, _times(q), 1.0) for q in parts]
    rng = np.random.default_rng(seed)
    asked = {one.measure: one for one in objectives}
    depth = asked.get("depth", Objective("depth", 0.0, 180.0))
    accepted: list[Simulated] = []
    in_vain = 0
    while len(accepted) < count:
        if in_vain == MOST_DRAWS:
            raise SystemExit(f"none of {in_vain} styles in a row does as asked: {told}; ask less")
        one = _drawn(model, rng, depth, objectives)
        in_vain += 1
        if one is not None:
            accepted.append(one)
            in_vain = 0
    with atomic_path(kept) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            q=np.concatenate([one.motion.coordinates for one in accepted]),
            told=np.array(told),
            frames=np.array([len(one.motion.coordinates) for one in accepted]),
        )
    return accepted


def _drawn(
    model: PreparedModel,
    rng: np.random.Generator,
    depth: Objective,
    objectives: Sequence[Objective],
) -> Simulated | None:
    """Draw a style and perform it; None where it is not as asked."""
    style = random_style(rng, 1.0)
    if not depth.low - _SPARE_DEG <= style.knees_deg[1] <= depth.high + _SPARE_DEG:
        return None
    moved = performed(model.body, model.actuators.foot_m, style)
    return None if moved is None else _believed(model, moved.q[::KEPT_EVERY], objectives)


def _believed(
    model: PreparedModel, q: np.ndarray, objectives: Sequence[Objective]
) -> Simulated | None:
    """Simulate a motion within the ranges of the joints; None where it is not as asked."""
    low, high = model.body.ranges.T
    if ((q < low - 1e-3) | (q > high + 1e-3))[:, model.body.rotational].any():
        return None
    one = simulated_motion(model, q, _times(q), 1.0)
    return None if reasons_against(one, objectives) else one


def _times(q: np.ndarray) -> np.ndarray:
    return np.arange(len(q)) * KEPT_EVERY / RATE_HZ
