"""Beside the other stages, on request: angles to muscle activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qevd_bio.capture.recorded.backend import OPENSIM
from qevd_bio.engine.stage import Skip, Stage
from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file, sha256_file_once, sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.record import Motion
from qevd_bio.muscles.placed import placed_on_floor
from qevd_bio.muscles.simulate import Options, Simulation, simulate
from qevd_bio.muscles.smooth import FILTERED_S
from qevd_bio.skeleton.opensim_map import to_opensim
from qevd_bio.tables.activations import SCHEMA, write_activations
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.parquet import schema_sha256
from qevd_bio.weights.store import default_folder

if TYPE_CHECKING:
    from qevd_bio.muscles.prepared import PreparedModel

ACTIVATIONS = "activations"
FITS = "muscle-paths"

ONE_CAMERA = (
    "angles of one camera: their noise of some degrees is an error of activations of .04 or more"
)


@dataclass(frozen=True, slots=True)
class MuscleOptions:
    """What muscle activations are asked for.

    Attributes
    ----------
    model : Path
        A .osim file of the LaiUhlrich family, scaled to the person or not.
    passive_scale : float
        Multiplies passive fibre forces: 1 as the model has them, 0 none.
    fits : Path or None
        Folder where fitted muscle paths are kept; None: beside the user's imported weights. It
        is no part of the identity.
    """

    model: Path
    passive_scale: float = 1.0
    fits: Path | None = None


@dataclass(slots=True)
class _Loaded:
    model: PreparedModel | None = None


@dataclass(frozen=True)
class ActivationsStage(Stage):
    """Simulate the muscles of the person in each video."""

    options: MuscleOptions
    name: str = ACTIVATIONS
    version: int = 1
    reads: tuple[str, ...] = ("kinematics",)
    writes: str = ACTIVATIONS
    schema_digest: str = schema_sha256(SCHEMA)
    _loaded: _Loaded = field(default_factory=_Loaded, init=False, repr=False, compare=False)

    @classmethod
    def from_options(cls, options: MuscleOptions) -> ActivationsStage:
        """Check that the extra is there and that the model file is.

        Raises
        ------
        EnvironmentProblem
            opensim or daqp is not installed.
        DataError
            The model file cannot be read, or the scale is no share.
        """
        from qevd_bio.muscles.opensim_model import import_opensim
        from qevd_bio.muscles.redundancy import import_daqp

        import_opensim()
        import_daqp()
        sha256_file(options.model)
        if not 0.0 <= options.passive_scale <= 2.0:
            raise DataError(
                f"{options.passive_scale:g} is no scale of passive forces",
                where="passive_scale",
                next_step="Give a number from 0 (none) to 2; 1 is as the model has them",
            )
        return cls(options)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the model and the settings."""
        return {
            "model": sha256_file_once(self.options.model),
            "config": sha256_json({"passive_scale": self.options.passive_scale}),
        }

    def setup(self) -> None:
        """Open the model; its paths are fitted once and kept."""
        from qevd_bio.muscles.prepared import prepare

        folder = self.options.fits or default_folder() / FITS
        self._loaded.model = prepare(self.options.model, folder)

    def loaded(self) -> Mapping[str, str]:
        """Name the model that was opened."""
        return {"model": self._loaded.model.sha256 if self._loaded.model else ""}

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Simulate each stretch in which the person is seen; the notes say what to believe."""
        model = self._loaded.model
        if model is None:
            raise RuntimeError("the stage was not set up")
        motion = read_motion(inputs["kinematics"])
        parts = simulated(motion, model, Options(self.options.passive_scale), video_id)
        reasons = list(reasons_not_to_judge(motion, parts))
        notes: dict[str, JsonValue] = {
            "model_sha256": model.sha256,
            "passive_scale": self.options.passive_scale,
            "fit": dict(model.fit_notes()),
            "not_judged": list(reasons),
            "reserve_nm": max(round(part.reserve_nm(), 2) for part in parts.values()),
            "residual_n": max(round(part.residual_n(), 2) for part in parts.values()),
            "residual_nm": max(round(part.residual_nm(), 2) for part in parts.values()),
        }
        order = {"muscles": list(model.body.muscles), "coordinates": list(model.body.coordinates)}
        write_activations(
            out, video_id, motion.time_s, parts, judged=not reasons, notes={**notes, **order}
        )
        return notes

    def teardown(self) -> None:
        """Release the model."""
        self._loaded.model = None


def simulated(
    motion: Motion, model: PreparedModel, options: Options, video_id: str
) -> dict[int, Simulation]:
    """Simulate the stretches of a motion that are long enough, by their first frames.

    Raises
    ------
    Skip
        No stretch is.
    DataError
        The programme of a frame has no solution.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], motion.valid, [False]])))
    q = unwrap_angles(motion.q, motion.valid)
    found: dict[int, Simulation] = {}
    for first, end in edges.reshape(-1, 2):
        time_s = motion.time_s[first:end]
        if end - first < 2 or time_s[-1] - time_s[0] < FILTERED_S:
            continue
        rotations = to_opensim(q[first:end], motion.gravity)
        placed = placed_on_floor(model.body, model.actuators.foot_m, rotations)
        try:
            found[int(first)] = simulate(model.body, model.actuators, placed, time_s, options)
        except (ArithmeticError, ValueError) as error:
            raise DataError(
                f"frames {first} to {end - 1}: {error}",
                where=f"video {video_id}",
                next_step="Look at its kinematics with 'qevd-bio overlay'",
            ) from error
    if not found:
        raise Skip(f"nobody is seen for {FILTERED_S:g} s on end")
    return found


def reasons_not_to_judge(motion: Motion, parts: Mapping[int, Simulation]) -> tuple[str, ...]:
    """Say why activations must not be judged; empty where they may be."""
    camera = () if motion.backend == OPENSIM else (ONE_CAMERA,)
    doubts = (
        f"frames from {first}: {doubt}" for first, part in parts.items() for doubt in part.doubts()
    )
    return (*camera, *doubts)
