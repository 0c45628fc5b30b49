"""The detector against MediaPipe's own figures, closed forms and other implementations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from scipy.special import logit

from qevd_bio.assets import asset_path
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.detector import networks
from qevd_bio.capture.detector.landmarks import refined
from qevd_bio.capture.detector.people_boxes import anchors, body_region, overlap, people_found
from qevd_bio.capture.detector.sampling import Region, cut, whole_picture
from qevd_bio.capture.detector.steady_region import SteadyRegion
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.files.digest import sha256_file
from tools.fetch_detector import without_output

GOLDEN = Path(__file__).parents[1] / "golden" / "detector" / "mediapipe.npz"
FULL = PersonConfig(detector_model="full")


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN, allow_pickle=False) as stored:
        return dict(stored)


@pytest.mark.parametrize("mode", ["single", "turned", "followed"])
@pytest.mark.parametrize("model", ["full", "heavy"])
def test_landmarks_are_those_of_mediapipe(golden, model: str, mode: str) -> None:
    pictures = [
        np.ascontiguousarray(np.rot90(one)) if mode == "turned" else one
        for one in golden["frames"]
    ]
    config = PersonConfig(detector_model=model)  # type: ignore[arg-type]
    with PoseLandmarker(config, follow=mode == "followed") as look:
        found = [look.find(picture) for picture in pictures]
    # a region that lies 0.01 px off moves a few landmarks by more when it is handed on
    tolerance_px, tolerance_m = (0.3, 0.006) if mode == "followed" else (0.1, 0.001)
    for name, tolerance in (
        ("image_px", tolerance_px), ("world_m", tolerance_m), ("visibility", 0.01),
    ):  # fmt: skip
        ours = np.array([getattr(one, name) for one in found])
        np.testing.assert_allclose(ours, golden[f"{model}_{mode}_{name}"], atol=tolerance)
        assert np.ptp(golden[f"{model}_{mode}_{name}"]) > 20 * tolerance


def test_two_people_in_one_picture_are_found_and_either_is_followed(golden) -> None:
    both = [np.concatenate([one, one], axis=1) for one in golden["frames"]]
    alone = golden["full_single_image_px"]
    with PoseLandmarker(FULL, follow=True) as look:
        found = sorted(look.find_all(both[0]), key=lambda one: one.image_px[0, 0])
        assert len(found) == 2
        for person, shift in zip(found, ([0, 0], [240, 0]), strict=True):
            assert np.abs(person.image_px - shift - alone[0]).max() < 12
            assert np.median(np.abs(person.image_px - shift - alone[0])) < 1.5
        for person, shift in zip(found, ([0, 0], [240, 0]), strict=True):
            look.follow(person)
            for picture, truth in zip(both[1:], alone[1:], strict=True):
                image_px, _, _ = look(picture)  # type: ignore[misc]
                assert np.median(np.abs(image_px - shift - truth)) < 2.5


def test_a_landmarker_takes_no_notice_of_another_that_shares_its_networks(golden) -> None:
    first, last = golden["frames"][0], golden["frames"][-1]
    one = PoseLandmarker(FULL, follow=True)
    other = PoseLandmarker(FULL, follow=False, networks=one.networks)
    one.find(first)
    other.find(np.ascontiguousarray(first[:, ::-1]))
    shared = one.find(last)
    with PoseLandmarker(FULL, follow=True) as apart:
        apart.find(first)
        assert shared is not None
        np.testing.assert_array_equal(shared.image_px, apart.find(last).image_px)


@pytest.mark.parametrize("shape", [(0, 255), (255,)])
def test_an_even_picture_shows_nobody(shape: tuple[int, ...]) -> None:
    with PoseLandmarker(FULL, follow=True) as look:
        for grey in shape:
            assert look.find(np.full((64, 48, 3), grey, dtype=np.uint8)) is None


# --- cutting


@pytest.mark.parametrize(("height", "width"), [(100, 200), (200, 100), (150, 150), (90, 7)])
def test_the_whole_picture_is_cut_with_black_bands(height: int, width: int) -> None:
    image = np.full((height, width, 3), 200, dtype=np.uint8)
    got = cut(image, whole_picture(image), 100, black_outside=True)
    for line, length in ((got[50, :, 0], width), (got[:, 50, 0], height)):
        lit = np.flatnonzero(line == 200)
        assert abs(len(lit) - 100 * length / max(height, width)) <= 2
        assert abs(lit.mean() - 49.5) <= 1.5
        beyond = [line[: max(lit[0] - 1, 0)], line[lit[-1] + 2 :]]
        assert not np.concatenate(beyond).any()


@pytest.mark.parametrize("turn_deg", [0, 30, 90, -135])
def test_a_plane_of_brightness_is_read_at_the_right_places(turn_deg: float) -> None:
    y, x = np.mgrid[:200, :240]
    image = np.stack([x, y, (x + y) // 2], axis=-1).astype(np.uint8)
    region = Region(120.0, 100.0, 100.0, np.deg2rad(turn_deg))
    got = cut(image, region, 50, black_outside=False)
    along = np.stack(np.meshgrid(np.arange(50) / 50, np.arange(50) / 50), axis=-1)
    np.testing.assert_allclose(got[..., :2], region.to_picture(along), atol=0.5 + 1 / 64 + 1e-9)


@pytest.mark.parametrize("black", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_cutting_is_bilinear_as_in_torch(seed: int, black: bool) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (1, 3, 9, 7)).astype(np.float32)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(coarse), (90, 70), mode="bilinear")
    image = smooth[0].permute(1, 2, 0).round().to(torch.uint8).numpy().copy()
    region = Region(*rng.uniform(0, 80, 2), float(rng.uniform(10, 150)), rng.uniform(-4, 4))
    along = np.stack(np.meshgrid(np.arange(32) / 32, np.arange(32) / 32), axis=-1)
    place = 2 * region.to_picture(along) / [69, 89] - 1
    wanted = torch.nn.functional.grid_sample(
        torch.from_numpy(image).permute(2, 0, 1)[None].double(),
        torch.from_numpy(place)[None],
        mode="bilinear",
        padding_mode="zeros" if black else "border",
        align_corners=True,
    )[0].permute(1, 2, 0)
    got = cut(image, region, 32, black_outside=black)
    # places are rounded to 1/32 pixel: beside a black edge that is up to 255 / 64
    assert np.abs(got - wanted.numpy()).max() <= (255 / 32 if black else 2.5)
    assert np.abs(got - wanted.numpy()).mean() < 0.5


# --- people


def test_anchors_are_the_middles_of_the_cells_of_five_layers() -> None:
    got = anchors()
    assert got.shape == (28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6, 2)
    np.testing.assert_allclose(got[:4], [[0.5 / 28] * 2] * 2 + [[1.5 / 28, 0.5 / 28]] * 2)
    np.testing.assert_allclose(got[1568:1570], [[0.5 / 14] * 2] * 2)
    np.testing.assert_allclose(got[-6:], [[6.5 / 7] * 2] * 6)
    np.testing.assert_allclose(got.mean(axis=0), 0.5)


def test_boxes_of_one_person_are_averaged_by_score_and_others_kept() -> None:
    raw, score = np.zeros((2254, 12), np.float32), np.full(2254, 0.01)
    # cell 0 of the fine layer: (4, 4) px in the network's picture; boxes of 20 px
    for anchor, sure, left in ((0, 0.9, 40.0), (1, 0.6, 46.0), (2, 0.7, 160.0)):
        raw[anchor, :4] = [left - 4 - 224 * (anchors()[anchor, 0] - 4 / 224), 60, 20, 20]
        raw[anchor, 4:6] = raw[anchor, :2] + [0, 5]
        score[anchor] = sure
    picture = Region(112.0, 112.0, 224.0)
    people = people_found(raw, logit(score).astype(np.float32), picture, least_score=0.5)
    np.testing.assert_allclose(people.score, [0.9, 0.7], atol=1e-6)
    middle = (0.9 * 40 + 0.6 * 46) / 1.5
    np.testing.assert_allclose(people.box_px[:, 0] + 10, [middle, 160.0], atol=1e-4)
    np.testing.assert_allclose(people.key_px[:, 0, 0], [middle, 160.0], atol=1e-4)
    np.testing.assert_allclose(people.key_px[:, 0, 1] - people.box_px[:, 1], 15, atol=1e-4)
    none = people_found(raw, logit(score).astype(np.float32), picture, least_score=0.95)
    assert none.box_px.shape == (0, 4) and none.key_px.shape == (0, 4, 2)


def test_overlap_of_boxes() -> None:
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3], [-1, -1, 3, 3]], float)
    got = overlap(np.array([0.0, 0.0, 2.0, 2.0]), others)
    np.testing.assert_allclose(got, [1, 1 / 3, 0, 1 / 4])


@pytest.mark.parametrize(
    ("head", "turn_deg"), [((0, -1), 0), ((1, 0), 90), ((0, 1), 180), ((-1, 0), -90)]
)
def test_the_region_has_the_head_on_top(head: tuple[int, int], turn_deg: float) -> None:
    middle, edge = np.array([50.0, 60.0]), np.array([50.0, 60.0]) + 20.0 * np.array(head)
    region = body_region(middle, edge)
    assert region.side_px == pytest.approx(2 * 20 * 1.25)
    assert np.exp(1j * region.turn_rad) == pytest.approx(np.exp(1j * np.deg2rad(turn_deg)))
    np.testing.assert_allclose(region.to_picture(np.array([0.5, 0.5])), middle)
    np.testing.assert_allclose(region.to_picture(np.array([0.5, 0.1])), edge, atol=1e-9)


# --- landmarks


def test_a_landmark_moves_to_the_middle_of_a_small_warm_place() -> None:
    y, x = np.mgrid[:64, :64]
    heat = np.full((64, 64, 4), -40.0, np.float32)
    near = np.exp(-((x - 20.3) ** 2 + (y - 31.6) ** 2) / 2)
    for k, most in enumerate((0.9, 0.4, 0.9, 0.9)):
        heat[..., k] = logit(np.clip(most * near, 1e-12, 1 - 1e-9))
    points = np.array([[21.2, 31.1], [21.2, 31.1], [60.0, 5.0], [-1.0, 31.0]]) / 64
    got = refined(points, heat)
    np.testing.assert_allclose(got[0] * 64, [20.3, 31.6], atol=0.01)
    np.testing.assert_array_equal(got[1:], points[1:])


def test_a_region_that_stands_still_is_steady_and_one_that_leaps_goes_along() -> None:
    rng = np.random.default_rng(0)
    still = np.array([[100.0, 200.0], [100.0, 80.0]])
    steady = SteadyRegion()
    regions = [steady(still + rng.normal(0, 0.5, (2, 2))) for _ in range(60)]
    x = np.array([one.x_px for one in regions[20:]])
    assert np.std(x) < 0.25 and abs(x.mean() - 100.0) < 0.3
    leap = np.array([60.0, 0.0])
    moved = [steady(still + leap) for _ in range(3)][-1]
    assert moved.x_px > 155.0


# --- files


def test_the_manifest_describes_the_files_that_ship() -> None:
    manifest = json.loads(asset_path("manifests", "detector.json").read_text("utf-8"))
    schema = json.loads(asset_path("manifests", "detector.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(manifest)
    shipped = {path.name for path in networks.FOLDER.glob("*.tflite")}
    assert {one["file"] for one in manifest["networks"]} == shipped
    for one in manifest["networks"]:
        path = networks.FOLDER / one["file"]
        assert sha256_file(path) == one["sha256"] and path.stat().st_size == one["n_bytes"]


def test_each_model_has_an_identity_of_its_own() -> None:
    full, heavy = (networks.detector_identity(model) for model in ("full", "heavy"))
    assert full["file:pose_detection.tflite"] == heavy["file:pose_detection.tflite"]
    assert set(full.values()) != set(heavy.values())


def test_a_damaged_network_is_refused(tmp_path: Path, monkeypatch) -> None:
    for path in networks.FOLDER.glob("*.tflite"):
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(networks, "FOLDER", tmp_path)
    with pytest.raises(EnvironmentProblem, match=r"pose_detection.tflite: this network is miss"):
        networks.Networks("full")


def test_an_output_that_is_left_out_changes_no_other(tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    whole = (networks.FOLDER / "pose_detection.tflite").read_bytes()
    less = without_output(whole, "Identity_1")
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    boxes = []
    for content in (whole, less):
        runner = Interpreter(model_content=content)
        runner.allocate_tensors()
        runner.set_tensor(runner.get_input_details()[0]["index"], picture)
        runner.invoke()
        named = {one["name"]: one["index"] for one in runner.get_output_details()}
        boxes.append(runner.get_tensor(named["Identity"]))
    assert list(named) == ["Identity"]
    np.testing.assert_array_equal(boxes[0], boxes[1])
