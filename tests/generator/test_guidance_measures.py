"""Measures that can be asked for, by hand and against the muscle model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qevd_bio.generator.measures import MEASURES, SCALES
from qevd_bio.generator.stick_body import centre_and_ankles
from qevd_bio.motion.motion_sets import sliding_m_s
from qevd_bio.motion.plausibility import mean_acceleration_m_s2, mean_speed_m_s
from qevd_bio.skeleton.opensim_map import COORDINATES as ANGLES
from qevd_bio.skeleton.opensim_map import TRANSLATIONS
from tests.muscles.models import opened

COORDINATES = (*ANGLES, *TRANSLATIONS)
STEP_S = 0.05
TIME_S = STEP_S * np.arange(41)


def measured(name: str, centre: np.ndarray, ankles: np.ndarray) -> torch.Tensor:
    """Compute a measure of one motion, centre (L, 3), ankles (L, 2, 3)."""
    motion = {"centre": torch.tensor(centre)[None], "ankles": torch.tensor(ankles)[None]}
    motion["step_s"] = torch.full((1, 1, 1), STEP_S, dtype=torch.float64)
    return MEASURES[name][1](motion)


def along(direction: list[float], path_m: np.ndarray) -> np.ndarray:
    return path_m[:, None] * np.array(direction)


def test_a_centre_at_even_speed_has_that_speed_and_no_acceleration() -> None:
    centre = along([0.6, 0.0, 0.8], 0.5 * TIME_S)
    feet = np.zeros((len(TIME_S), 2, 3))
    assert measured("com_speed", centre, feet).item() == pytest.approx(0.5)
    assert measured("com_acceleration", centre, feet).item() == pytest.approx(0.0, abs=1e-9)
    falling = along([0.0, -1.0, 0.0], 0.5 * 9.81 * TIME_S**2)
    assert measured("com_acceleration", falling, feet).item() == pytest.approx(9.81)


def test_the_lower_foot_slides_and_the_lifted_one_does_not_count() -> None:
    right = along([0.2, 0.0, 0.0], TIME_S) + np.array([0.0, 0.08, 0.1])
    left = along([0.0, 0.0, 0.7], TIME_S) + np.array([0.0, 0.20, -0.1])
    ankles = np.stack([right, left], axis=1)
    assert measured("sliding", ankles[:, 0], ankles).item() == pytest.approx(0.2)
    ankles[20:, 0, 1] = 0.3
    assert measured("sliding", ankles[:, 0], ankles).item() == pytest.approx(
        (20 * 0.2 + 20 * 0.7) / 40
    )
    lifted = np.stack([along([0.0, 1.0, 0.0], TIME_S)] * 2, axis=1)
    assert measured("sliding", lifted[:, 0], lifted).item() == pytest.approx(0.0)


def test_gradients_are_numbers_also_where_nothing_moves() -> None:
    for name in ("com_speed", "com_acceleration", "sliding"):
        still = torch.zeros(1, 8, 3, dtype=torch.float64, requires_grad=True)
        motion = {"centre": still, "ankles": torch.stack([still, still], dim=2)}
        MEASURES[name][1](motion | {"step_s": torch.full((1, 1, 1), STEP_S)}).sum().backward()
        assert still.grad is not None and torch.isfinite(still.grad).all()


def test_every_measure_has_a_unit_and_a_scale() -> None:
    assert set(SCALES) == set(MEASURES) and all(unit for unit, _ in MEASURES.values())
    assert min(SCALES.values()) > 0.0


@pytest.mark.data
def test_the_stick_body_moves_as_the_model_does(shared_data) -> None:
    body = opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")
    down = 0.5 - 0.5 * np.cos(np.pi * TIME_S)
    q = np.zeros((len(TIME_S), len(body.coordinates)))
    for name, degrees in {"knee_angle": 90.0, "hip_flexion": 85.0, "ankle_angle": 25.0}.items():
        for side in "rl":
            q[:, body.coordinates.index(f"{name}_{side}")] = np.deg2rad(degrees) * down
    q[:, body.coordinates.index("pelvis_tilt")] = np.deg2rad(-30.0) * down
    q[:, body.coordinates.index("pelvis_tx")] = -0.1 * down
    q[:, body.coordinates.index("pelvis_ty")] = 0.95 - 0.4 * down
    at = body.places(q, ("femur_r", "tibia_r", "talus_r", "talus_l"))
    leg_m = np.linalg.norm(np.diff(at.origins_m[0, :3], axis=0), axis=1).sum()
    stick = centre_and_ankles(body.coordinates, torch.tensor(q), float(leg_m)).numpy()
    # bent knees of the model roll, those of the stick body do not
    for name, true in (
        ("com_speed", mean_speed_m_s(at.centre_m, TIME_S)),
        ("com_acceleration", mean_acceleration_m_s2(at.centre_m, TIME_S)),
        ("sliding", sliding_m_s(at.origins_m[:, 2:], TIME_S)),
    ):
        assert measured(name, stick[:, 0], stick[:, 1:]).item() == pytest.approx(
            true, rel=0.05, abs=0.01
        )
