"""From shape numbers to bodies, and which body files are refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from qevd_bio.body.measurements import measure
from qevd_bio.body.person import measure_person
from qevd_bio.body.shape_average import AveragedShape
from qevd_bio.body.shape_model import ShapeModel, shape_model_of
from qevd_bio.errors import DataError
from qevd_bio.skeleton.bodies import generic_skeleton, segment_lengths_for_height
from tests.body.open_body import open_bodies, open_builds

BUILDS_M, SURFACE, LANDMARKS = open_builds()
VERTICES = SURFACE.n_vertices


def arrays() -> dict[str, np.ndarray]:
    """The open body dressed up as a file: number 0 leads from the man to the heavy man."""
    directions = np.zeros((VERTICES, 3, 10))
    directions[:, :, 0] = BUILDS_M[2] - BUILDS_M[0]
    directions[:, :, 9] = BUILDS_M[1] - BUILDS_M[0]
    faces = np.stack(SURFACE.corners, axis=1).astype(np.int32)
    return {"template": BUILDS_M[0], "shapedirs": directions, "faces": faces}


def model(**changed: Any) -> ShapeModel:
    held = {k: v for k, v in (arrays() | changed).items() if v is not None}
    return shape_model_of(held, name="made", sha256="0" * 64, landmarks=LANDMARKS)


def averaged(*betas: float) -> AveragedShape:
    numbers = np.zeros(10)
    numbers[: len(betas)] = betas
    return AveragedShape(numbers, frames=1, frames_left_out=0, windows=1, spread=None)


def test_betas_move_the_template() -> None:
    betas = np.zeros((3, 10))
    betas[1, 0] = 0.4
    betas[2, 9] = 1.0
    shares = np.array([[1.0, 0.0, 0.0], [0.6, 0.0, 0.4], [0.0, 1.0, 0.0]])
    of_file = measure(model().bodies(betas))
    of_builds = measure(open_bodies(shares))
    for name, value in asdict(of_builds).items():
        np.testing.assert_allclose(getattr(of_file, name), value, rtol=1e-9)


@pytest.mark.parametrize("betas", [np.zeros(10), np.zeros((1, 9)), np.full((1, 10), np.nan)])
def test_betas_of_another_shape_are_refused(betas: np.ndarray) -> None:
    with pytest.raises(ValueError, match="need \\(bodies, 10\\), finite"):
        model().bodies(betas)


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        pytest.param({"shapedirs": None}, "lacks shapedirs", id="a key is missing"),
        pytest.param({"template": np.zeros((5, 2))}, "needs \\(vertices, 3\\)", id="flat"),
        pytest.param({"shapedirs": np.zeros((VERTICES, 3, 9))}, "shapedirs have", id="nine"),
        pytest.param({"shapedirs": np.zeros((VERTICES, 30))}, "shapedirs have", id="flattened"),
        pytest.param({"faces": np.array([[0, 1, VERTICES]])}, f"of {VERTICES}", id="faces"),
        pytest.param({"template": np.full((VERTICES, 3), np.inf)}, "not finite", id="infinite"),
        pytest.param({"template": 1000 * BUILDS_M[0]}, "not metres", id="millimetres"),
        pytest.param(
            {"template": BUILDS_M[0][:, [0, 2, 1]]}, "m high along y", id="z up"
        ),
        pytest.param({"J_regressor_osim": np.zeros((24, 3))}, "J_regressor_osim", id="joints"),
        pytest.param(
            {"template": np.zeros((5, 3)), "shapedirs": np.zeros((5, 3, 10)),
             "faces": np.array([[0, 1, 2]])},
            "landmarks 'open_body' are of bodies",
            id="another topology",
        ),
    ],
)  # fmt: skip
def test_what_is_no_body_file_is_refused(changed: dict[str, Any], cause: str) -> None:
    with pytest.raises(DataError, match=cause) as caught:
        model(**changed)
    assert caught.value.where == "body file made"


def test_a_person_has_measurements_flags_and_no_lengths_without_joints() -> None:
    plain = measure_person(model(), averaged(0.0), None)
    assert plain.flags == () and plain.lengths_m is None
    assert plain.measured["height_m"] == pytest.approx(1.785, abs=1e-3)
    known = measure_person(model(), averaged(0.0), 1.5)
    assert known.flags == ("height_contradicted",) and known.measured == plain.measured
    opened = measure_person(model(faces=arrays()["faces"][1:]), averaged(0.0), None)
    assert opened.flags == ("open_surface",)


def test_the_joints_of_a_skel_file_give_segment_lengths() -> None:
    joints = generic_skeleton(1.7).joints_m
    shape = BUILDS_M[0]
    # shares of the vertices that put the joints where they are known to be
    regressor = np.linalg.lstsq(shape.T, joints.T, rcond=None)[0].T
    person = measure_person(model(J_regressor_osim=regressor), averaged(0.0), None)
    assert person.lengths_m == pytest.approx(segment_lengths_for_height(1.7))


def test_shape_numbers_that_make_no_body_are_refused() -> None:
    with pytest.raises(ValueError, match="head below its heel"):
        measure_person(model(shapedirs=-np.repeat(BUILDS_M[0][:, :, None], 10, axis=2)),
                       averaged(3.0), None)  # fmt: skip
