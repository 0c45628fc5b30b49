"""The one file that knows OpenSim: a musculoskeletal model as arrays.

T frames, N independent coordinates, B bodies, M muscles

Coordinates that the model couples to others (the kneecap's) follow them: they are set by the
coupling, and what acts on them is added to the coordinate that they follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import atomic_path
from qevd_bio.muscles.frames import Dynamics
from qevd_bio.muscles.hill import Curve, Muscles
from qevd_bio.skeleton.opensim_map import TRANSLATIONS

_STEP = 1e-4
_CURVE_STEP = 0.002
_EXTRA = 'Run: pip install "qevd-bio[muscles]"'


def import_opensim() -> Any:  # noqa: ANN401  opensim has no types and is not always there
    """Import opensim without its log on the terminal.

    Raises
    ------
    EnvironmentProblem
        It is not installed.
    """
    try:
        import opensim
    except ImportError as error:
        raise EnvironmentProblem(
            f"muscle activations need opensim ({error})", where="muscles", next_step=_EXTRA
        ) from error
    opensim.Logger.setLevelString("off")
    opensim.Logger.removeFileSink()
    return opensim


class OpensimModel:
    """A model file opened by OpenSim.

    Parameters
    ----------
    path : Path
        A .osim file.

    Attributes
    ----------
    coordinates : tuple of str
        The N independent coordinates in the order of the model.
    ranges : ndarray (N, 2)
        rad, or metres of translations.
    rotational : ndarray (N,) of bool
        Which coordinates are angles.
    mass_kg : float
        Of the whole body.
    muscles : tuple of str
        M names.

    Raises
    ------
    EnvironmentProblem
        opensim is not installed.
    DataError
        The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._o = import_opensim()
        try:
            self._model = self._o.Model(str(path))
            self._state = self._model.initSystem()
        except Exception as error:
            raise DataError(
                f"cannot be opened by OpenSim ({' '.join(str(error).split())[:200]})",
                where=str(path),
                next_step="Give a .osim file of a full-body model with muscles",
            ) from error
        self._matter = self._model.getMatterSubsystem()
        self._read_coordinates()
        muscles = self._model.getMuscles()
        self._muscles = [muscles.get(i) for i in range(muscles.getSize())]
        self.muscles = tuple(muscle.getName() for muscle in self._muscles)
        self.mass_kg = float(self._model.getTotalMass(self._state))
        self._jacobian, self._residual = self._o.Matrix(), self._o.Vector()

    def _read_coordinates(self) -> None:
        """Find the independent coordinates, their place among the speeds, and the couplings."""
        found = self._model.getCoordinateSet()
        every = [found.get(i) for i in range(found.getSize())]
        for number, one in enumerate(every):
            one.setSpeedValue(self._state, number + 1.0)
        slots = np.round(self._state.getU().to_numpy()).astype(int) - 1
        place = {every[c].getName(): slot for slot, c in enumerate(slots) if c >= 0}
        couplings = {}
        constraints = self._model.getConstraintSet()
        for i in range(constraints.getSize()):
            one = self._o.CoordinateCouplerConstraint.safeDownCast(constraints.get(i))
            if one is not None:
                names = one.getIndependentCoordinateNames()
                couplings[one.getDependentCoordinateName()] = (names.get(0), one.getFunction())
        free = [one for one in every if one.getName() not in couplings]
        self.coordinates: tuple[str, ...] = tuple(one.getName() for one in free)
        self.ranges: FloatArray = np.array([[c.getRangeMin(), c.getRangeMax()] for c in free])
        self.rotational: BoolArray = np.array([c.getMotionType() == 1 for c in free])
        self.default: FloatArray = np.array([c.getDefaultValue() for c in free])
        self._slots = np.array([place[name] for name in self.coordinates])
        self._coupled = [
            (place[name], self.coordinates.index(leader), function)
            for name, (leader, function) in couplings.items()
        ]
        self._size = self._state.getNU()
        if not set(TRANSLATIONS) <= set(place):
            raise DataError(
                f"its body is not placed by {', '.join(TRANSLATIONS)}",
                where=self._model.getName(),
                next_step="Give a model of the Rajagopal or LaiUhlrich family",
            )
        self._height = place["pelvis_ty"]
        self._gravity_m_s2 = -float(self._model.getGravity()[1])

    def _value(self, function: Any, at: float) -> float:  # noqa: ANN401
        return float(function.calcValue(self._o.Vector(1, at)))

    def _all(self, q: FloatArray, dq: FloatArray, ddq: FloatArray) -> tuple[FloatArray, ...]:
        """Spread independent coordinates (N,) over all speeds, coupled ones included."""
        full = [np.zeros(self._size) for _ in range(3)]
        for target, values in zip(full, (q, dq, ddq), strict=True):
            target[self._slots] = values
        for slot, leader, function in self._coupled:
            below, at, above = (self._value(function, q[leader] + h) for h in (-_STEP, 0, _STEP))
            slope, bend = (above - below) / (2 * _STEP), (above - 2 * at + below) / _STEP**2
            full[0][slot] = at
            full[1][slot] = slope * dq[leader]
            full[2][slot] = slope * ddq[leader] + bend * dq[leader] ** 2
        return tuple(full)

    def _reduced(self, forces: FloatArray, q: FloatArray) -> FloatArray:
        """Gather what acts on all speeds (..., S) at the independent coordinates (..., N)."""
        kept = forces[..., self._slots]
        for slot, leader, function in self._coupled:
            below, above = (self._value(function, q[leader] + h) for h in (-_STEP, _STEP))
            kept[..., leader] += forces[..., slot] * (above - below) / (2 * _STEP)
        return np.asarray(kept)

    def _pose(self, full: tuple[FloatArray, ...]) -> None:
        self._state.setQ(self._o.Vector.createFromMat(full[0]))
        self._state.setU(self._o.Vector.createFromMat(full[1]))

    def dynamics(
        self, q: FloatArray, dq: FloatArray, ddq: FloatArray, bodies: Sequence[str]
    ) -> Dynamics:
        """Compute inverse dynamics without contact, and where bodies are.

        Parameters
        ----------
        q, dq, ddq : ndarray (T, N)
            Coordinates in rad and metres, their speeds and accelerations.
        bodies : sequence of str
            Bodies whose frames are wanted.
        """
        frames = [self._body(name) for name in bodies]
        T, B, N = len(q), len(bodies), len(self.coordinates)
        found = Dynamics(np.empty((T, N)), np.empty((T, B, 3)), np.empty((T, B, 3, 3)),
                         np.empty((T, B, 6, N)), np.empty((T, 3)))  # fmt: skip
        none, weightless = self._o.Vector(self._size, 0.0), self._o.VectorOfSpatialVec()
        for t in range(T):
            full = self._all(q[t], dq[t], ddq[t])
            self._pose(full)
            self._model.realizeVelocity(self._state)
            # gravity acts like a ground that accelerates upwards
            full[2][self._height] += self._gravity_m_s2
            self._matter.calcResidualForceIgnoringConstraints(
                self._state, none, weightless, self._o.Vector.createFromMat(full[2]),
                self._residual,
            )  # fmt: skip
            found.forces[t] = self._reduced(self._residual.to_numpy(), q[t])
            self._place(found, t, frames, q[t])
        return found

    def places(self, q: FloatArray, bodies: Sequence[str]) -> Dynamics:
        """Find where bodies are in poses (T, N); the forces are zeros."""
        frames = [self._body(name) for name in bodies]
        T, B, N = len(q), len(bodies), len(self.coordinates)
        found = Dynamics(np.zeros((T, N)), np.empty((T, B, 3)), np.empty((T, B, 3, 3)),
                         np.empty((T, B, 6, N)), np.empty((T, 3)))  # fmt: skip
        still = np.zeros(N)
        for t in range(T):
            self._pose(self._all(q[t], still, still))
            self._model.realizePosition(self._state)
            self._place(found, t, frames, q[t])
        return found

    def _body(self, name: str) -> Any:  # noqa: ANN401
        bodies = self._model.getBodySet()
        if bodies.getIndex(name) < 0:
            raise DataError(
                f"has no body '{name}'",
                where=self._model.getName(),
                next_step="Give a model of the Rajagopal or LaiUhlrich family",
            )
        return bodies.get(name)

    def _place(self, found: Dynamics, t: int, frames: Sequence[Any], q: FloatArray) -> None:
        state = self._state
        centre = self._matter.calcSystemMassCenterLocationInGround(state)
        found.centre_m[t] = [centre[i] for i in range(3)]
        for b, body in enumerate(frames):
            transform = body.getTransformInGround(state)
            origin, turn = transform.p(), transform.R().asMat33()
            found.origins_m[t, b] = [origin[i] for i in range(3)]
            found.turns[t, b] = [[turn.get(i, j) for j in range(3)] for i in range(3)]
            self._matter.calcFrameJacobian(
                state, body.getMobilizedBodyIndex(), self._o.Vec3(0), self._jacobian
            )
            found.jacobians[t, b] = self._reduced(self._jacobian.to_numpy(), q)

    def centre_moves(self, q: FloatArray) -> FloatArray:
        """Compute the velocity of the centre of mass by speed of a coordinate (T, 3, N)."""
        still = np.zeros(len(self.coordinates))
        found = np.empty((len(q), 3, len(self.coordinates)))
        places = [self._slots[self.coordinates.index(name)] for name in TRANSLATIONS]
        for t, pose in enumerate(q):
            self._pose(self._all(pose, still, still))
            self._model.realizePosition(self._state)
            # the rows of the pelvis' translations are the whole body's momentum
            self._matter.calcM(self._state, self._jacobian)
            rows = self._jacobian.to_numpy()[places] / self.mass_kg
            found[t] = self._reduced(rows, pose)
        return found

    def lengths_m(self, q: FloatArray) -> FloatArray:
        """Measure the muscle-tendon lengths (T, M) in poses (T, N), in metres."""
        still = np.zeros(len(self.coordinates))
        found = np.empty((len(q), len(self._muscles)))
        for t, pose in enumerate(q):
            self._pose(self._all(pose, still, still))
            self._model.realizePosition(self._state)
            found[t] = [muscle.getLength(self._state) for muscle in self._muscles]
        return found

    def hill(self) -> Muscles:
        """Read the muscles' properties and sample their curves.

        Raises
        ------
        DataError
            The model's muscles are of a kind without these curves.
        """
        own = [self._o.Millard2012EquilibriumMuscle.safeDownCast(one) for one in self._muscles]
        if not own or any(one is None for one in own):
            raise DataError(
                "has muscles that are no Millard2012EquilibriumMuscle, or none",
                where=self._model.getName(),
                next_step="Give a model of the LaiUhlrich family",
            )

        def each(read: Callable[[Any], float]) -> FloatArray:
            return np.array([read(one) for one in own])

        def curve(name: str, low: float, high: float) -> Curve:
            grid = np.linspace(low, high, round((high - low) / _CURVE_STEP) + 1)
            values = [
                [found.calcValue(float(x)) for x in grid]
                for found in (getattr(one, f"get{name}Curve")() for one in own)
            ]
            return Curve(low, _CURVE_STEP, np.array(values))

        fibre = each(lambda one: one.getOptimalFiberLength())
        return Muscles(
            names=self.muscles,
            strongest_n=each(lambda one: one.getMaxIsometricForce()),
            fibre_m=fibre,
            tendon_m=each(lambda one: one.getTendonSlackLength()),
            pennation_rad=each(lambda one: one.getPennationAngleAtOptimalFiberLength()),
            fastest_m_s=fibre * each(lambda one: one.getMaxContractionVelocity()),
            damping=each(lambda one: one.getFiberDamping()),
            active=curve("ActiveForceLength", 0.2, 2.2),
            passive=curve("FiberForceLength", 0.2, 2.2),
            tendon=curve("TendonForceLength", 0.98, 1.2),
            speed=curve("ForceVelocity", -1.0, 1.0),
        )


def write_scaled(path: Path, out: Path, factors: Mapping[str, float], mass_kg: float) -> None:
    """Write a model scaled to another body.

    Parameters
    ----------
    path, out : Path
        The model file, and where the scaled one is written.
    factors : mapping of str to float
        Scale of bodies by the beginning of their name (``femur``, ``tibia``...); ``""`` is for
        those without one of their own.
    mass_kg : float
        Mass of the whole body; its distribution is kept.

    Raises
    ------
    DataError
        The model cannot be scaled, or not be written; `out` is then as it was.
    """
    opensim = import_opensim()
    model = opensim.Model(str(path))
    state = model.initSystem()
    bodies, scales = model.getBodySet(), opensim.ScaleSet()
    for name in (bodies.get(i).getName() for i in range(bodies.getSize())):
        own = max((begin for begin in factors if name.startswith(begin)), key=len)
        one = opensim.Scale()
        one.setSegmentName(name)
        one.setScaleFactors(opensim.Vec3(float(factors[own])))
        one.setApply(True)
        scales.cloneAndAppend(one)
    if not model.scale(state, scales, True, float(mass_kg)):
        raise DataError("cannot be scaled", where=str(path), next_step="Use it as it is")
    with atomic_path(out) as temporary:
        if not model.printToXML(str(temporary)):
            raise DataError("cannot be written", where=str(out), next_step="Name another folder")
