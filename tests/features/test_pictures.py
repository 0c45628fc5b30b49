"""Preprocessing equals the official code, and OpenCV, to the bit."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.features.pictures import cut_to_aspect, network_input, network_picture, squared
from qevd_bio.features.pictures import resized as resized_picture

GOLDEN = Path(__file__).parents[1] / "golden" / "streamvlm" / "preprocessed_sha256.json"
DIGESTS: dict[str, str] = json.loads(GOLDEN.read_text())
SIZES = {"portrait_640x360": (640, 360), "landscape_360x640": (360, 640),
         "square_640": (640, 640), "odd_637x361": (637, 361)}  # fmt: skip


@pytest.mark.parametrize("name", DIGESTS)
def test_the_networks_input_is_the_official_one_to_the_bit(name: str) -> None:
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    bgr = generator.integers(0, 256, (*SIZES[name], 3), np.uint8)
    made = network_input([network_picture(bgr[:, :, ::-1])])
    assert made.dtype == np.float32 and made.shape == (1, 3, 224, 160)
    assert hashlib.sha256(made.tobytes()).hexdigest() == DIGESTS[name]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 360), (503, 360)),  # float rounding: 360 * 1.4 = 503.99...
        ((360, 640), (360, 257)),
        ((448, 320), (448, 320)),
        ((7, 5), (7, 5)),
    ],
)
def test_the_middle_is_cut_out(size: tuple[int, int], expected: tuple[int, int]) -> None:
    rows = np.arange(size[0])[:, None, None] + np.zeros((1, size[1], 3), int)
    cut = cut_to_aspect(rows.astype(np.uint8))
    assert cut.shape[:2] == expected
    assert cut[0, 0, 0] == ((size[0] - expected[0]) // 2) % 256


def test_a_sideways_picture_is_padded_so_that_nothing_is_cut_off_above() -> None:
    tall = np.full((9, 4, 3), 200, np.uint8)
    square = squared(tall)
    assert square.shape == (9, 9, 3)
    assert (square[0, :, 0] == [0, 0, 200, 200, 200, 200, 0, 0, 0]).all()
    assert network_picture(np.full((640, 360, 3), 9, np.uint8), pad=True)[0].max() == 9
    assert network_picture(np.full((640, 360, 3), 9, np.uint8), pad=True)[:, 0].max() == 0


def test_resizing_equals_opencv() -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV, the reference, is not installed")
    rng = np.random.default_rng(3)
    sizes = [tuple(rng.integers(2, 800, 2)) for _ in range(40)]
    for height, width in [*sizes, (448, 320), (224, 160), (2, 2), (1, 300), (223, 161)]:
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        expected = cv2.resize(image, (160, 224), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(
            resized_picture(image, 224, 160), expected, err_msg=f"{height} x {width}"
        )
