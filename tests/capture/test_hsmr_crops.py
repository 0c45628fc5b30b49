"""Crops equal OpenCV's to the bit, and the cameras the official ones."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from torch.nn import functional

from qevd_bio.capture.hsmr.crops import crop, squares, windows
from qevd_bio.errors import UsageError
from tests.capture.hsmr_tiny import golden


def picture(height: int, width: int, seed: int = 1, hard: bool = False) -> np.ndarray:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.where(image > 127, 255, 0).astype(np.uint8) if hard else image


def cropped(image: np.ndarray, *window: int) -> np.ndarray:
    return crop(torch.from_numpy(image)[None], np.zeros(1, dtype=np.int64), np.array([window]))[
        0
    ].numpy()


def official_boxes(known: dict[str, np.ndarray], i: int) -> np.ndarray:
    """Boxes in the frame, from those in the shrunk picture that the official code looks at."""
    return np.asarray(known[f"boxes{i}"].astype(np.float32) / np.float32(known["ratios"][i]))


@pytest.mark.parametrize("i", [0, 1, 2])
def test_squares_are_the_official_ones(i: int) -> None:
    known = golden("crops")
    first = int(known["n_per_img"][:i].sum())
    wanted = known["bbx_cs"][first : first + len(known[f"boxes{i}"])]
    assert np.array_equal(squares(official_boxes(known, i)), wanted)


@pytest.mark.parametrize("i", [1, 2])
def test_crops_are_the_official_ones_to_the_bit(i: int) -> None:
    known = golden("crops")
    first = int(known["n_per_img"][:i].sum())
    window = windows(squares(official_boxes(known, i)))
    frame = torch.from_numpy(known[f"img{i}"])[None]
    made = crop(frame, np.zeros(len(window), dtype=np.int64), window).numpy()
    digests = [hashlib.sha256(one.tobytes()).hexdigest() for one in made]
    assert digests == known["patches_sha256"][first : first + len(made)].tolist()


SIZES = [(1, 1), (2, 2), (3, 700), (255, 256), (256, 256), (256, 257), (511, 512), (512, 512)]
SIZES += [(512, 511), (513, 300), (777, 778), (1024, 1024), (1300, 1301), (64, 64), (37, 900)]


@pytest.mark.parametrize("hard", [False, True], ids=["noise", "black and white"])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_resizing_is_opencvs_to_the_bit(height: int, width: int, hard: bool) -> None:
    cv2 = pytest.importorskip("cv2", reason="needs the extra 'dev'")
    image = picture(height, width, seed=height, hard=hard)
    wanted = cv2.resize(image, (256, 256), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(cropped(image, 0, 0, width, height), wanted)


@pytest.mark.parametrize("seed", range(30))
def test_windows_beyond_the_frame_are_black_there_as_with_opencv(seed: int) -> None:
    cv2 = pytest.importorskip("cv2", reason="needs the extra 'dev'")
    rng = np.random.default_rng(seed)
    image = picture(*rng.integers(20, 500, 2), seed=seed)
    left, top = rng.integers(-300, 300, 2)
    right, bottom = left + rng.integers(1, 600), top + rng.integers(1, 600)
    around = cv2.copyMakeBorder(
        image, 1000, 1000, 1000, 1000, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
    cut = around[1000 + top : 1000 + bottom, 1000 + left : 1000 + right]
    wanted = cv2.resize(cut, (256, 256), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(cropped(image, left, top, right, bottom), wanted)


@pytest.mark.parametrize("size", [90, 300, 700])
def test_resizing_is_bilinear_to_within_rounding(size: int) -> None:
    image = picture(size, size)
    channels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    wanted = functional.interpolate(channels, (256, 256), mode="bilinear", antialias=False)
    made = torch.from_numpy(cropped(image, 0, 0, size, size)).permute(2, 0, 1)
    assert (made - wanted[0]).abs().max() < 0.8


def test_an_even_colour_stays_and_a_window_off_the_frame_is_black() -> None:
    image = np.full((40, 50, 3), 201, dtype=np.uint8)
    assert (cropped(image, 3, 4, 33, 35) == 201).all()
    assert (cropped(image, 60, 0, 90, 30) == 0).all()
    assert (cropped(image, -30, -30, 0, 0) == 0).all()


def test_each_crop_is_cut_from_its_own_frame() -> None:
    frames = torch.from_numpy(np.stack([picture(80, 120, seed) for seed in (1, 2, 3)]))
    of_frame = np.array([2, 0, 0, 1])
    window = np.array([[0, 0, 60, 60], [-9, 5, 40, 55], [30, 10, 110, 91], [100, 60, 140, 99]])
    together = crop(frames, of_frame, window)
    for k, made in enumerate(together):
        alone = cropped(frames[of_frame[k]].numpy(), *window[k])
        assert np.array_equal(made.numpy(), alone)


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        ((100, 50, 160, 250), (130, 150, 200)),  # tall: its height
        ((100, 50, 400, 150), (250, 100, 400)),  # wide: four thirds of its width
        ((0, 0, 75, 100), (37.5, 50, 100)),  # of the right shape
    ],
)
def test_squares_by_hand(box: tuple[int, ...], wanted: tuple[float, ...]) -> None:
    assert squares(np.array([box]))[0].tolist() == pytest.approx(wanted)


def test_windows_are_cut_towards_zero() -> None:
    assert windows(np.array([[10.0, 10.0, 21.5]], dtype=np.float32)).tolist() == [[0, 0, 20, 20]]
    assert windows(np.array([[1.0, 9.6, 5.0]], dtype=np.float32)).tolist() == [[-1, 7, 3, 12]]


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, np.nan, 5]], "not finite"),
        ([[5, 0, 5, 9]], "not beyond"),
        ([[5, 9, 8, 2]], "not beyond"),
        ([5, 9, 8, 20], "need"),
    ],
)
def test_refuses_boxes_without_extent(boxes: list[list[float]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        squares(np.array(boxes, dtype=np.float64))


def test_refuses_a_window_without_a_pixel() -> None:
    with pytest.raises(UsageError, match="smaller than a pixel"):
        windows(np.array([[10.5, 10.5, 0.4]], dtype=np.float32))


@pytest.mark.parametrize(
    ("frames", "of_frame", "message"),
    [
        (torch.zeros(1, 9, 9, 3), [0], "float32"),
        (torch.zeros(9, 9, 3, dtype=torch.uint8), [0], r"\(9, 9, 3\)"),
        (torch.zeros(1, 9, 9, 3, dtype=torch.uint8), [1], "name frames"),
        (torch.zeros(1, 9, 9, 3, dtype=torch.uint8), [-1], "name frames"),
        (torch.zeros(1, 9, 9, 3, dtype=torch.uint8), [0, 0], "name frames"),
    ],
)
def test_refuses_frames_it_cannot_cut(
    frames: torch.Tensor, of_frame: list[int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        crop(frames, np.array(of_frame), np.array([[0, 0, 5, 5]]))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU: run this where there is one")
def test_a_gpu_cuts_the_same_bytes() -> None:
    frames = torch.from_numpy(np.stack([picture(300, 400, seed) for seed in (1, 2)]))
    window = np.array([[-20, 3, 320, 344], [100, 50, 290, 239]])
    here, there = (crop(f, np.array([0, 1]), window) for f in (frames, frames.cuda()))
    assert torch.equal(there.cpu(), here)
