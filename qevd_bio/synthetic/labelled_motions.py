"""Made motions of several bodies with their simulated activations, for training.

F frames, N coordinates, M muscles
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.muscles.frames import Placing
from qevd_bio.muscles.opensim_model import write_scaled
from qevd_bio.muscles.prepared import PreparedModel, prepare
from qevd_bio.muscles.simulate import Options, Simulation, simulate
from qevd_bio.synthetic.measured import as_measured
from qevd_bio.synthetic.there_and_back import Moved

NO_POSE = "the body cannot stand so"
OUT_OF_RANGE = "an angle is beyond the range of its joint"
UNBELIEVED = "reserves or residuals are too large"

Make = Callable[[Placing, FloatArray, np.random.Generator, float], Moved | None]
"""Body, lengths of its feet (2,), what draws, and size against the model's (1), to a motion; None
where the body cannot do it."""

_LEG = ("femur_r", "tibia_r", "talus_r")


@dataclass(frozen=True, slots=True)
class LabelledMotions:
    """Accepted motions, frame by frame.

    Attributes
    ----------
    q, dq, ddq : ndarray (F, N)
        Smooth coordinates with their derivatives.
    activations : ndarray (F, M)
        As simulated.
    motion, body : ndarray of int (F,)
        Number of the motion and of the body.
    leg_m, mass_kg : ndarray (bodies,)
        Hip to ankle, and mass, of each body.
    rejected : mapping of str to int
        How many motions were rejected, by reason.
    """

    q: FloatArray
    dq: FloatArray
    ddq: FloatArray
    activations: FloatArray
    motion: IntArray
    body: IntArray
    leg_m: FloatArray
    mass_kg: FloatArray
    rejected: Mapping[str, int]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything but the reasons as arrays, numbers of frames in single precision."""
        frames = {name: getattr(self, name).astype(np.float32)
                  for name in ("q", "dq", "ddq", "activations")}  # fmt: skip
        return {**frames, "motion": self.motion, "body": self.body, "leg_m": self.leg_m,
                "mass_kg": self.mass_kg}  # fmt: skip


def make_bodies(model: Path, folder: Path, count: int, seed: int) -> list[PreparedModel]:
    """Scale a model to `count` bodies of different size, legs and mass, and prepare each.

    The first is the model itself. Files and fits are kept in `folder`.
    """
    rng = np.random.default_rng(seed)
    bodies = [prepare(model, folder)]
    own_kg = bodies[0].body.mass_kg
    for number in range(1, count):
        size = rng.uniform(0.86, 1.12)
        thigh, shank, trunk, arm = size * rng.uniform(0.95, 1.05, 4)
        factors = {"": size, "femur": thigh, "patella": thigh, "tibia": shank, "torso": trunk,
                   **dict.fromkeys(("humerus", "ulna", "radius", "hand"), arm)}  # fmt: skip
        path = folder / f"body-{seed}-{number}.osim"
        write_scaled(model, path, factors, own_kg * size**2 * rng.uniform(0.8, 1.25))
        bodies.append(prepare(path, folder))
    return bodies


def leg_length_m(model: PreparedModel) -> float:
    """Measure a leg from hip to ankle, knee straight."""
    at = model.body.places(np.zeros((1, len(model.body.coordinates))), _LEG).origins_m[0]
    return float(np.linalg.norm(np.diff(at, axis=0), axis=1).sum())


def label_motions(
    models: Sequence[PreparedModel],
    make: Make,
    count: int,
    seed: Sequence[int],
    options: Options,
    error_deg: float = 0.0,
) -> LabelledMotions:
    """Make and simulate motions until `count` are accepted.

    Where `error_deg` is not 0 they are simulated as a measurement with such errors would give
    them (`as_measured`).
    """
    rng = np.random.default_rng(seed)
    legs = np.array([leg_length_m(one) for one in models])
    rejected: Counter[str] = Counter()
    accepted: list[tuple[int, Simulation]] = []
    while len(accepted) < count:
        number = len(accepted) % len(models)
        size = float(legs[number] / legs[0])
        found = _made(models[number], make, rng, size, options, error_deg)
        if isinstance(found, str):
            rejected[found] += 1
        else:
            accepted.append((number, found))

    def joined(name: str) -> FloatArray:
        return np.concatenate([getattr(one, name) for _, one in accepted])

    lengths = [len(one.q) for _, one in accepted]
    return LabelledMotions(
        q=joined("q"),
        dq=joined("dq"),
        ddq=joined("ddq"),
        activations=joined("activations"),
        motion=np.repeat(np.arange(len(accepted)), lengths),
        body=np.repeat([number for number, _ in accepted], lengths),
        leg_m=legs,
        mass_kg=np.array([one.body.mass_kg for one in models]),
        rejected=dict(rejected),
    )


def _made(
    model: PreparedModel,
    make: Make,
    rng: np.random.Generator,
    size: float,
    options: Options,
    error_deg: float,
) -> Simulation | str:
    """Make and simulate one motion; the reason where it is rejected."""
    body = model.body
    moved = make(body, model.actuators.foot_m, rng, size)
    if moved is None:
        return NO_POSE
    q, time_s = moved.q, moved.time_s
    low, high = body.ranges.T
    if ((q < low - 1e-3) | (q > high + 1e-3))[:, body.rotational].any():
        return OUT_OF_RANGE
    if error_deg > 0.0:
        # a measurement knows the joints' ranges
        off = as_measured(rng, q, time_s, body.coordinates, body.rotational, error_deg)
        q = np.clip(off, low, high)
    found = simulate(body, model.actuators, q, time_s, replace(options, seat_m=moved.seat_m))
    return UNBELIEVED if found.doubts() else found
