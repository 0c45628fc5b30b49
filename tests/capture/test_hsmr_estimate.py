from __future__ import annotations

import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.hsmr import device
from qevd_bio.capture.hsmr.batches import CropBatches
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.crops import crop, squares, windows
from qevd_bio.capture.hsmr.device import HsmrOnDevice
from qevd_bio.capture.hsmr.estimate import estimate_person
from qevd_bio.capture.hsmr.predict import predict
from qevd_bio.errors import EnvironmentProblem, UsageError
from qevd_bio.skeleton.dofs import mirror_q
from tests.capture.hsmr_scenes import BLUE, RED, ColourDetector, picture, small_network

CONFIG = HsmrConfig(
    precision="fp32", detect_every=4, detect_together=2, flip_every=5,
    video=VideoConfig(cut_difference=60.0),
)  # fmt: skip


def box_at(i, speed=2):
    return (20 + speed * i, 20, 80 + speed * i, 150)


def walk(frames=23, colour=RED, speed=2, ground=128):
    return [picture((box_at(i, speed), colour), ground=ground + 2 * i) for i in range(frames)]


def on_cpu(**changes):
    return HsmrOnDevice(small_network(), replace(CONFIG, **changes), "cpu")


def test_each_frame_gets_the_estimate_of_its_own_crop():
    frames = walk()
    seen = estimate_person(iter(frames), ColourDetector(), on_cpu(), CONFIG)
    around = squares(np.array([box_at(i) for i in range(23)], float))
    cut = crop(torch.from_numpy(np.stack(frames)), np.arange(23), windows(around))
    network = small_network()
    alone = torch.cat([predict(network, one[None], "fp32").q for one in cut]).numpy()
    np.testing.assert_array_equal(seen.q, alone.astype(np.float64))
    flipped = torch.cat([predict(network, one.flip(1)[None], "fp32").q for one in cut]).numpy()
    looked = np.arange(23) % 5 == 0
    np.testing.assert_array_equal(np.isfinite(seen.mirrored_q[:, 0]), looked)
    np.testing.assert_allclose(seen.mirrored_q[looked], mirror_q(flipped[looked].astype(float)))
    np.testing.assert_array_equal(seen.square_px, around)
    assert seen.found.all() and seen.size_px == (200, 160)
    assert len(np.unique(alone[:, 0])) > 15, "the network must distinguish the crops"


def test_no_mirrored_crops_where_none_are_wanted():
    config = replace(CONFIG, flip_every=0)
    seen = estimate_person(iter(walk()), ColourDetector(), on_cpu(), config)
    assert np.isnan(seen.mirrored_q).all()


def arrays(seen):
    return {
        name: np.asarray(getattr(seen, name)) for name in seen.__dataclass_fields__
    }  # fmt: skip


def assert_same(one, other):
    for name, values in arrays(one).items():
        np.testing.assert_array_equal(values, arrays(other)[name], err_msg=name)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_batch_size_and_neighbours_change_no_byte_on_a_cpu(batch_size):
    alone = estimate_person(iter(walk()), ColourDetector(), on_cpu(), CONFIG)
    shared = on_cpu(batch_size=batch_size)
    videos = [walk(31, BLUE, 1), walk(), walk(9, RED, 3)]

    def work(frames):
        return estimate_person(iter(frames), ColourDetector(), shared, CONFIG)

    with ThreadPoolExecutor(3) as pool:
        assert_same(list(pool.map(work, videos))[1], alone)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_padded_batches_of_one_video_do_not_depend_on_its_neighbours(size):
    """The batches of a GPU, on the CPU: several crops each, not shared."""
    hsmr = on_cpu()
    network = small_network()
    hsmr.batches = CropBatches(lambda x: predict(network, x, "fp32"), size, shared=False)
    alone = estimate_person(iter(walk()), ColourDetector(), hsmr, CONFIG)

    def work(frames):
        return estimate_person(iter(frames), ColourDetector(), hsmr, CONFIG)

    with ThreadPoolExecutor(2) as pool:
        assert_same(list(pool.map(work, [walk(31, BLUE, 1), walk()]))[1], alone)
    one_by_one = estimate_person(iter(walk()), ColourDetector(), on_cpu(), CONFIG)
    np.testing.assert_allclose(alone.q, one_by_one.q, atol=2e-5)


def test_a_video_that_breaks_costs_only_itself():
    hsmr = on_cpu()
    hsmr.batches = CropBatches(lambda x: predict(small_network(), x, "fp32"), 8, shared=True)

    def broken():
        yield from walk(6)
        raise OSError("the disk is gone")

    def work(frames):
        return estimate_person(iter(frames), ColourDetector(), hsmr, CONFIG)

    with ThreadPoolExecutor(3) as pool:
        videos = [pool.submit(work, frames) for frames in (walk(), broken(), walk(9, BLUE))]
    with pytest.raises(OSError, match="the disk is gone"):
        videos[1].result()
    first, last = videos[0].result(), videos[2].result()
    assert len(first.q) == 23 and len(last.q) == 9
    assert np.isfinite(first.q).all() and np.isfinite(last.q).all()


def test_frames_do_not_pile_up_however_long_the_video_is():
    alive, most = 0, 0

    def gone():
        nonlocal alive
        alive -= 1

    def frames(count):
        nonlocal alive, most
        for _ in range(count):
            image = walk(1)[0]
            weakref.finalize(image, gone)
            alive += 1
            most = max(most, alive)
            yield image

    ahead = CONFIG.detect_every * CONFIG.detect_together
    seen = estimate_person(frames(150), ColourDetector(), on_cpu(), CONFIG)
    assert len(seen.q) == 150
    assert most <= 3 * ahead + 4, "waiting, at the detector, and in preparation"


def test_a_video_of_nobody_has_frames_and_no_estimates():
    seen = estimate_person(iter([picture()] * 9), ColourDetector(), on_cpu(), CONFIG)
    assert len(seen.found) == 9 and not seen.found.any()
    assert np.isnan(seen.q).all() and (seen.inside == 0).all() and (seen.edges == 0).all()


def test_crops_beyond_the_picture_and_edges_are_counted():
    frames = [picture(((0, 20, 90, 160), RED))] * 5
    seen = estimate_person(iter(frames), ColourDetector(), on_cpu(), CONFIG)
    assert (seen.edges == 2).all(), "left and bottom"
    # the square's side is 140, the network looks at 105 columns of it around x = 45
    np.testing.assert_allclose(seen.inside, (45 + 52.5) / 105, atol=0.01)


def test_an_estimate_that_is_not_finite_is_nobody():
    network = small_network()

    def doubtful(crops):
        made = predict(network, crops, "fp32")
        return replace(made, finite=torch.zeros_like(made.finite))

    hsmr = on_cpu()
    hsmr.batches = CropBatches(doubtful, 1, shared=True)
    seen = estimate_person(iter(walk(5)), ColourDetector(), hsmr, CONFIG)
    assert not seen.found.any() and np.isnan(seen.q).all()


def test_a_detector_and_crops_that_do_not_fit_are_done_in_halves(monkeypatch):
    calls = []

    class Greedy(ColourDetector):
        def __call__(self, images):
            calls.append(len(images))
            if len(images) > 1:
                raise torch.cuda.OutOfMemoryError("simulated")
            return super().__call__(images)

    def small_crop(frames, of_frame, windows_px):
        if len(frames) > 3:
            raise torch.cuda.OutOfMemoryError("simulated")
        return crop(frames, of_frame, windows_px)

    expected = estimate_person(iter(walk()), ColourDetector(), on_cpu(), CONFIG)
    monkeypatch.setattr(device, "crop", small_crop)
    assert_same(estimate_person(iter(walk()), Greedy(), on_cpu(), CONFIG), expected)
    assert max(calls) > 1

    def no_crop(*_):
        raise torch.cuda.OutOfMemoryError("simulated")

    monkeypatch.setattr(device, "crop", no_crop)
    with pytest.raises(EnvironmentProblem, match="does not hold one picture"):
        estimate_person(iter(walk()), ColourDetector(), on_cpu(), CONFIG)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_backbone_is_compiled_where_asked(monkeypatch, compiled):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, *_: asked.append(module))
    hsmr = HsmrOnDevice(small_network(), replace(CONFIG, compiled=compiled), "cpu")
    assert asked == ([hsmr.network.backbone] if compiled else [])


def test_sixteen_bits_on_a_cpu_are_refused():
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        on_cpu(precision="fp16")


@pytest.mark.parametrize("name", ["batch_size", "detect_every", "detect_together"])
def test_settings_that_make_no_sense_are_refused(name):
    with pytest.raises(UsageError, match="Give 1 or more"):
        replace(CONFIG, **{name: 0})
