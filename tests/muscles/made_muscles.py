"""Two simple muscles whose forces can be written down, and a leg that they move."""

from __future__ import annotations

import numpy as np

from qevd_bio.muscles.contact import seat_bones_m
from qevd_bio.muscles.frames import Dynamics
from qevd_bio.muscles.hill import Curve, Muscles
from qevd_bio.muscles.paths import PathGroup, Paths


def two_muscles() -> Muscles:
    """Two muscles of 1000 N and 10 cm with a tendon of 20 cm that 1000 N stretch by 4 %.

    The active curve is flat, so force is activation times strength; the second is pennate.
    """

    def both(low, step, values):
        return Curve(low, step, np.array([values, values], dtype=np.float64))

    return Muscles(
        names=("straight", "pennate"),
        strongest_n=np.array([1000.0, 1000.0]),
        fibre_m=np.array([0.1, 0.1]),
        tendon_m=np.array([0.2, 0.2]),
        pennation_rad=np.array([0.0, 0.4]),
        fastest_m_s=np.array([1.0, 1.0]),
        damping=np.array([0.0, 0.0]),
        active=both(0.0, 1.0, [1.0, 1.0, 1.0]),
        passive=both(0.0, 1.3, [0.0, 0.0, 1.0]),
        tendon=both(0.96, 0.04, [-1.0, 0.0, 1.0, 2.0]),
        speed=both(-1.0, 1.0, [0.0, 1.0, 1.4]),
    )


class StandingBlock:
    """A rigid block of 50 kg on two feet, with one hinge without mass that carries 20 Nm.

    Coordinates: the pelvis' six and the hinge, which two muscles cross.
    """

    coordinates = (
        "pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz",
        "hinge",
    )  # fmt: skip
    mass_kg = 50.0
    FEET_M = np.array([[0.0, 0.04, 0.1], [0.2, 0.04, 0.1], [0.0, 0.04, -0.1], [0.2, 0.04, -0.1]])

    def __init__(self, centre_m=(0.1, 1.0, 0.0)) -> None:
        self.centre_m = np.array(centre_m)

    def dynamics(self, q, dq, ddq, bodies) -> Dynamics:
        """Answer for poses in which nothing is turned: the pelvis only goes up and down."""
        T = len(q)
        assert bodies == ("calcn_r", "toes_r", "calcn_l", "toes_l")
        pushed = self.mass_kg * (np.array([0.0, 9.80665, 0.0]) + ddq[:, 3:6])
        # about the ground's origin: tilt is about z, list about x, rotation about y
        moment = np.cross(self.centre_m, pushed)
        forces = np.column_stack([moment[:, [2, 0, 1]], pushed, np.full(T, 20.0)])
        jacobian = np.zeros((4, 6, 7))
        for row, column in ((2, 0), (0, 1), (1, 2)):
            jacobian[:, row, column] = 1.0
            jacobian[:, 3:, column] = np.cross(np.eye(3)[row], self.FEET_M)
        jacobian[:, 3:, 3:6] = np.eye(3)
        return Dynamics(
            forces,
            np.tile(self.FEET_M, (T, 1, 1)),
            np.tile(np.eye(3), (T, 4, 1, 1)),
            np.tile(jacobian, (T, 1, 1, 1)),
            np.tile(self.centre_m, (T, 1)),
        )


class SeatedBlock(StandingBlock):
    """The same block with a pelvis, whose points of the seat are at a height of their own."""

    def __init__(self, points_up_m: float) -> None:
        super().__init__()
        ahead, up, _ = seat_bones_m(np.array([0.2, 0.2])).mean(axis=0)
        self.pelvis_m = np.array([0.1 - ahead, points_up_m - up, 0.0])

    def dynamics(self, q, dq, ddq, bodies) -> Dynamics:
        """Answer as the block does, and where the pelvis is."""
        assert bodies[4:] == ("pelvis",)
        of_feet = super().dynamics(q, dq, ddq, bodies[:4])
        T = len(q)
        jacobian = np.zeros((1, 6, 7))
        for row, column in ((2, 0), (0, 1), (1, 2)):
            jacobian[:, row, column] = 1.0
            jacobian[:, 3:, column] = np.cross(np.eye(3)[row], self.pelvis_m)
        jacobian[:, 3:, 3:6] = np.eye(3)

        return Dynamics(
            of_feet.forces,
            np.concatenate([of_feet.origins_m, np.tile(self.pelvis_m, (T, 1, 1))], axis=1),
            np.concatenate([of_feet.turns, np.tile(np.eye(3), (T, 1, 1, 1))], axis=1),
            np.concatenate([of_feet.jacobians, np.tile(jacobian, (T, 1, 1, 1))], axis=1),
            of_feet.centre_m,
        )


def hinge_paths(arms_m=(0.05, 0.05)) -> Paths:
    """Straight paths of the two muscles over the hinge, 31 cm long where it is at 0."""
    group = PathGroup(
        muscles=np.array([0, 1]),
        coordinates=np.array([6]),
        middle_rad=np.zeros(1),
        half_rad=np.ones(1),
        powers=np.array([[0], [1]]),
        weights=np.array([[0.31, 0.31], [-arms_m[0], -arms_m[1]]]),
    )
    return Paths((group,), 2, 7, np.zeros(2), np.zeros(2), np.zeros(2))
