"""Extraction of whole videos against the official extractor, and what it does by rule."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.errors import DataError, VideoError
from qevd_bio.features import extract
from qevd_bio.features.cnn3d import StreamingCnn
from qevd_bio.features.extract import FeatureExtractor, FeatureMaps, TakenFrames
from qevd_bio.features.pictures import network_input, network_picture
from qevd_bio.features.standin import STANDIN_LAYERS
from qevd_bio.features.video_features import video_features
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.weights.cnn3d_shapes import cnn_shapes
from tests.features.cnn3d_weights import weights_from_names

GOLDEN = Path(__file__).parents[1] / "golden" / "streamvlm"
HALF_STEP = 2.0**-8
"""Numbers in [4, 8) are 2^-8 apart in float16."""


@pytest.fixture(scope="module")
def network() -> StreamingCnn:
    return StreamingCnn.from_state(weights_from_names())


@pytest.fixture(scope="module")
def small() -> StreamingCnn:
    return StreamingCnn.from_state(weights_from_names(cnn_shapes(STANDIN_LAYERS)), STANDIN_LAYERS)


def video(name: str) -> tuple[Path, np.ndarray]:
    file = GOLDEN / "videos" / f"{name}.mp4"
    stamps = np.load(file.with_name(f"{name}_timestamps.npy"))
    return file, frame_times_s(stamps, where=name)


def extracted(extractor: FeatureExtractor, name: str) -> FeatureMaps:
    maps, _ = video_features(*video(name), video_id=name, extractor=extractor, turn="official")
    return maps


def assert_official(maps: FeatureMaps, name: str, first: int = 0) -> None:
    golden = np.load(GOLDEN / "extracted.npz")
    np.testing.assert_array_equal(maps.time_s, golden[f"{name}_timestamps"])
    assert maps.values.dtype == np.float16 and maps.values.shape[1:] == (1280, 7, 5)
    some = maps.values[first:, ::16].astype(np.float32)
    expected = golden[f"{name}_every_16th_channel"][first:].astype(np.float32)
    np.testing.assert_allclose(some, expected, atol=HALF_STEP, rtol=0)
    sums = maps.values[first:].astype(np.float64).sum((1, 2, 3))
    np.testing.assert_allclose(sums, golden[f"{name}_sum"][first:], atol=1.0)


def test_frames_decode_as_they_did_officially() -> None:
    golden = np.load(GOLDEN / "extracted.npz")
    for name in ("0100", "0200"):
        frames = FrameStream(video(name)[0])
        sums = [zlib.crc32(np.ascontiguousarray(frame[:, :, ::-1]).tobytes()) for frame in frames]
        assert sums == golden[f"{name}_frame_crc"].tolist()


def test_carried_over_features_are_the_official_ones(network: StreamingCnn) -> None:
    extractor = FeatureExtractor(network, carry_over=True)
    for name in ("0100", "0200"):  # in this order, in one process
        assert_official(extracted(extractor, name), name)


def test_a_video_begins_afresh_by_default(small: StreamingCnn) -> None:
    extractor = FeatureExtractor(small)
    first, _, again = (extracted(extractor, name) for name in ("0200", "0100", "0200"))
    np.testing.assert_array_equal(again.values, first.values)
    carried = FeatureExtractor(small, carry_over=True)
    after = [extracted(carried, name) for name in ("0100", "0200")][1]
    assert np.abs(after.values[0].astype(float) - first.values[0]).max() > 0.1


@settings(max_examples=60)
@given(st.lists(st.floats(0.001, 0.4), min_size=1, max_size=200))
def test_frames_are_taken_when_due_and_16_a_second_on_average(gaps: list[float]) -> None:
    time_s = 1.6e9 + np.cumsum([0.0, *gaps])
    taken = TakenFrames()
    chosen = [taken(float(one)) for one in time_s]
    since = time_s - time_s[0]
    assert chosen[0]
    for n, one in enumerate(chosen):
        earlier = sum(chosen[:n])
        assert one == (since[n] >= earlier / 16)


class Counting(StreamingCnn):
    """Records how many frames it is given at once."""

    calls: list[int]

    def forward(self, frames: torch.Tensor, state=None):
        self.calls.append(len(frames))
        return super().forward(frames, state)


def made_frames(count: int, seed: int = 0) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield rng.integers(0, 256, (56, 40, 3), np.uint8)


TIMES_S = 5.0 + np.arange(400) / 16.0


def test_chunks_and_batches_give_the_same_features(
    small: StreamingCnn, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for maps_per_call in (1, 3, 32):
        monkeypatch.setitem(extract.MAPS_PER_CALL, "cpu", maps_per_call)
        extractor = FeatureExtractor(small)
        found.append(extractor.features(made_frames(50), TIMES_S, pad=False, where="x"))
    for other in found[1:]:
        np.testing.assert_array_equal(other.time_s, found[0].time_s)
        np.testing.assert_allclose(
            other.values.astype(float), found[0].values.astype(float), atol=HALF_STEP
        )
    assert len(found[0].time_s) == 12
    np.testing.assert_array_equal(found[0].time_s, TIMES_S[3:48:4])


def test_memory_does_not_grow_with_the_video() -> None:
    network = Counting(STANDIN_LAYERS).eval()
    network.calls = []
    FeatureExtractor(network).features(made_frames(100), TIMES_S, pad=False, where="x")
    assert max(network.calls) == 4 * extract.MAPS_PER_CALL["cpu"]
    assert sum(network.calls) == 12 + 100


def test_the_first_frame_warms_up_and_waiting_frames_are_carried_on_request(
    small: StreamingCnn,
) -> None:
    kept = FeatureExtractor(small, carry_over=True)
    kept.features(made_frames(6), TIMES_S, pad=False, where="a")  # two frames wait
    maps = kept.features(made_frames(9, 1), TIMES_S, pad=False, where="b")
    np.testing.assert_array_equal(maps.time_s, TIMES_S[[1, 5]])
    kept.drop_waiting()
    maps = kept.features(made_frames(9, 1), TIMES_S, pad=False, where="b")
    np.testing.assert_array_equal(maps.time_s, TIMES_S[[3, 7]])
    alone = FeatureExtractor(small).features(made_frames(9, 1), TIMES_S, pad=False, where="b")
    assert np.abs(alone.values.astype(float) - maps.values).max() > 0.1  # the state was kept


class OneFrameAtATime:
    """The official extractor as the facts describe it, written a second time: a buffer of four."""

    def __init__(self, network: StreamingCnn) -> None:
        self.network, self.state = network, None
        self.buffer: list[np.ndarray] = []

    def call(self, picture: np.ndarray) -> np.ndarray | None:
        self.buffer.append(picture)
        if len(self.buffer) < 4:
            return None
        maps, self.state = self.network(torch.from_numpy(network_input(self.buffer)), self.state)
        self.buffer = []
        return maps[0].numpy()

    def video(self, frames: list[np.ndarray], time_s: np.ndarray) -> dict[float, np.ndarray]:
        due_s, found = 0.0, {}
        for frame, at in zip(frames, time_s, strict=True):
            if at - time_s[0] < due_s:
                continue
            picture = network_picture(frame)
            for _ in range(12 if due_s == 0.0 else 0):
                self.call(picture)
            due_s += 1 / 16
            if (made := self.call(picture)) is not None:
                found[float(at)] = made
        return found


def test_carry_over_equals_a_second_implementation(small: StreamingCnn) -> None:
    rng = np.random.default_rng(0)
    other, extractor = OneFrameAtATime(small), FeatureExtractor(small, carry_over=True)
    waiting = set()
    for seed in range(4):
        time_s = 1e3 + np.cumsum(rng.uniform(0.01, 0.12, int(rng.integers(8, 50))))
        frames = list(made_frames(len(time_s), seed))
        expected = other.video(frames, time_s)
        maps = extractor.features(frames, time_s, pad=False, where="x")
        assert maps.time_s.tolist() == list(expected)
        np.testing.assert_allclose(
            maps.values.astype(float), np.stack(list(expected.values())), atol=HALF_STEP
        )
        waiting.add(len(other.buffer))
    assert len(waiting) > 1, "videos left different numbers of frames behind"


def test_the_warm_up_shows_the_first_frame_twelve_times(small: StreamingCnn) -> None:
    frames = list(made_frames(8))
    maps = FeatureExtractor(small).features(frames, TIMES_S, pad=False, where="x")
    shown = [network_picture(one) for one in [frames[0]] * 12 + frames]
    whole = small(torch.from_numpy(network_input(shown)))[0][3:]
    np.testing.assert_allclose(maps.values.astype(float), whole.numpy(), atol=HALF_STEP)


def test_what_gives_no_map_is_refused(small: StreamingCnn) -> None:
    extractor = FeatureExtractor(small)
    for count in (0, 1, 3):
        with pytest.raises(VideoError, match="too short for one feature map"):
            extractor.features(made_frames(count), TIMES_S, pad=False, where="x")
    with pytest.raises(DataError, match="more frames than its 5 timestamps"):
        extractor.features(made_frames(6), TIMES_S[:5], pad=False, where="x")
    thin = iter([np.zeros((1, 40, 3), np.uint8)] * 8)
    with pytest.raises(VideoError, match="show nothing"):
        extractor.features(thin, TIMES_S, pad=False, where="x")


@pytest.mark.parametrize(("name", "turn_deg"), [("0100", 90), ("0200", 0)])
def test_the_official_turn_goes_by_the_id(small: StreamingCnn, name: str, turn_deg: int) -> None:
    _, notes = video_features(
        *video(name), video_id=name, extractor=FeatureExtractor(small), turn="official"
    )
    assert (notes["turn_deg"], notes["padded_to_square"]) == (turn_deg, turn_deg == 90)
    assert notes["frames_decoded"] == notes["frames_expected"] and notes["video_complete"]
