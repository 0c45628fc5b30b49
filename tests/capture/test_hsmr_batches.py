from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
import torch

from benchmarks.random_network import random_network
from qevd_bio.capture.hsmr import batches as module
from qevd_bio.capture.hsmr.batches import CropBatches, position_matters
from qevd_bio.capture.hsmr.predict import Prediction, predict
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.weights.hsmr_shapes import HsmrSize

SMALL = HsmrSize(
    width=32, depth=2, hidden=64, token_width=32, layers=1, inner=16, head_hidden=32
)  # fmt: skip


def crops_of(*levels):
    return torch.stack([torch.full((256, 256, 3), level, dtype=torch.uint8) for level in levels])


class Echo:
    """Returns the level of each crop in every number, and keeps the given shapes."""

    def __init__(self, most=10**9):
        self.sizes, self.most = [], most

    def __call__(self, crops):
        self.sizes.append(len(crops))
        if len(crops) > self.most:
            raise torch.cuda.OutOfMemoryError("simulated")
        level = crops[:, 0, 0, :1].float()
        return Prediction(
            level.repeat(1, 46), level.repeat(1, 10), level.repeat(1, 3), level[:, 0] != 99
        )


def one_queue(batches, *levels):
    with batches.queue() as queue:
        for level in levels:
            queue.add(crops_of(level))
    return queue.estimates()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_each_crop_gets_its_own_estimate_whatever_the_batch(size, shared):
    step = Echo()
    made = one_queue(CropBatches(step, size, shared=shared), *range(1, 11))
    assert made.q[:, 45].tolist() == made.betas[:, 9].tolist() == list(range(1, 11))
    assert made.finite.all()
    assert set(step.sizes) == {size}, "the network must always see the same shape"


def test_a_crop_that_is_not_finite_is_marked():
    made = one_queue(CropBatches(Echo(), 2, shared=True), 7, 99, 8)
    assert made.finite.tolist() == [True, False, True]


def test_queues_share_batches_and_wait_for_the_crops_that_others_took_along():
    step = Echo()
    batches = CropBatches(step, 4, shared=True)
    both_inside = threading.Barrier(2)
    made = {}

    def work(name, *levels):
        with batches.queue() as queue:
            both_inside.wait()
            for level in levels:
                queue.add(crops_of(level))
            both_inside.wait()
        made[name] = queue.estimates().q[:, 0].tolist()

    threads = [
        threading.Thread(target=work, args=("a", 1, 2, 3)),
        threading.Thread(target=work, args=("b", 11, 12, 13)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert made == {"a": [1, 2, 3], "b": [11, 12, 13]}
    assert step.sizes == [4, 4], "six crops of two videos make two batches"


def test_a_video_that_adds_no_crops_holds_up_nobody_else():
    step = Echo()
    batches = CropBatches(step, 8, shared=True)
    made = []

    def work():
        made.append(one_queue(batches, 1, 2, 3).q[:, 0].tolist())

    with batches.queue() as slow:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(20)
        assert made == [[1, 2, 3]], "before the other video ends"
        slow.add(crops_of(9))
    assert slow.estimates().q[:, 0].tolist() == [9]
    assert step.sizes == [8, 8]


def test_the_use_of_the_network_is_counted():
    def slow_step(crops):
        time.sleep(0.05)
        return Echo()(crops)

    begun = time.perf_counter()
    batches = CropBatches(slow_step, 4, shared=True)
    one_queue(batches, *range(10))
    assert (batches.use.batches, batches.use.crops) == (3, 10)
    time.sleep(0.2)
    one_queue(batches, *range(4))
    assert 4 * 0.05 <= batches.use.busy_s <= time.perf_counter() - begun - 0.2


def test_without_sharing_every_video_has_batches_of_its_own():
    step = Echo()
    batches = CropBatches(step, 4, shared=False)
    with batches.queue() as other:
        other.add(crops_of(5, 6, 7))
        assert one_queue(batches, 1, 2).q[:, 0].tolist() == [1, 2]
    assert other.estimates().q[:, 0].tolist() == [5, 6, 7]
    assert step.sizes == [4, 4]


def test_too_little_memory_halves_the_batch_and_goes_on():
    step = Echo(most=3)
    batches = CropBatches(step, 8, shared=True)
    assert one_queue(batches, *range(1, 20)).q[:, 0].tolist() == list(range(1, 20))
    assert step.sizes[:3] == [8, 4, 2] and set(step.sizes[2:]) == {2}
    assert batches.smallest == 2


def test_the_former_size_is_tried_again_and_more_rarely_when_it_fails(monkeypatch):
    monkeypatch.setattr(module, "RETRY_BATCHES", 4)
    step = Echo(most=1)
    batches = CropBatches(step, 2, shared=True)
    one_queue(batches, *range(60))
    tries = [i for i, size in enumerate(step.sizes) if size == 2]
    # each batch of two crops is two steps of one once halved
    assert [later - earlier for earlier, later in pairwise(tries)] == [
        9, 17, 33,
    ]  # fmt: skip
    step.most = 2
    one_queue(batches, *range(80))
    assert batches.size == 2 and step.sizes[-3:] == [2, 2, 2]


def test_no_memory_for_a_single_crop_is_reported():
    with pytest.raises(EnvironmentProblem, match="does not hold the network and one crop"):
        one_queue(CropBatches(Echo(most=0), 4, shared=True), 1, 2)


def test_a_queue_that_breaks_removes_its_own_crops_only():
    step = Echo()
    batches = CropBatches(step, 4, shared=True)
    with batches.queue() as good:
        good.add(crops_of(1))
        with pytest.raises(ZeroDivisionError), batches.queue() as bad:
            bad.add(crops_of(50, 51))
            raise ZeroDivisionError
        good.add(crops_of(2))
    assert good.estimates().q[:, 0].tolist() == [1, 2]
    assert len(step.sizes) == 1


def test_what_the_network_raises_reaches_the_queues_in_the_batch():
    def broken(crops):
        raise RuntimeError("the device is gone")

    batches = CropBatches(broken, 2, shared=True)
    with pytest.raises(RuntimeError, match="the device is gone"):
        one_queue(batches, 1)
    with pytest.raises(RuntimeError, match="the device is gone"):
        one_queue(batches, 1, 2, 3)


def test_whether_position_matters_shows_in_the_bytes():
    crop = crops_of(0)[0]

    def drifting(crops):
        made = Echo()(crops)
        made.q[-1] += 1.0
        return made

    assert not position_matters(Echo(), crop, 8)
    assert position_matters(drifting, crop, 8)


def test_neighbours_change_no_byte_without_sharing_and_nothing_but_rounding_with_it():
    network = random_network(SMALL)
    torch.manual_seed(3)
    crops = torch.randint(0, 256, (7, 256, 256, 3), dtype=torch.uint8)
    others = torch.randint(0, 256, (5, 256, 256, 3), dtype=torch.uint8)

    def made(size, shared, neighbours):
        batches = CropBatches(lambda x: predict(network, x, "fp32"), size, shared=shared)

        def neighbour():
            with batches.queue() as other:
                for crop in others[:neighbours]:
                    other.add(crop[None])

        beside = threading.Thread(target=neighbour)
        with batches.queue() as queue:
            beside.start()
            for crop in crops:
                queue.add(crop[None])
        beside.join(20)
        return queue.estimates().q

    for size in (1, 3, 8):
        alone = made(size, False, 0)
        assert (made(size, False, 5) == alone).all()
        assert abs(made(size, True, 5) - alone).max() < 2e-5
        assert abs(alone - made(1, False, 0)).max() < 2e-5
    assert (made(1, True, 5) == made(1, False, 0)).all(), "batches of one have no places"
