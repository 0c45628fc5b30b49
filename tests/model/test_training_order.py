from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.errors import UsageError
from qevd_bio.training.order import BatchPlan, MicroBatches, epoch_order, seed_of
from qevd_bio.training.schedule import learning_rate


def test_a_seed_is_the_blake2b_digest_of_its_numbers() -> None:
    packed = b"".join(n.to_bytes(8, "little", signed=True) for n in (7, -1))
    digest = hashlib.blake2b(packed, digest_size=8).digest()
    assert seed_of(7, -1) == int.from_bytes(digest, "little") // 2
    assert seed_of(7, -1) != seed_of(-1, 7)


@given(st.integers(0, 2**31), st.integers(0, 5), st.integers(1, 50))
def test_an_epoch_holds_every_sample_once(seed: int, epoch: int, length: int) -> None:
    assert sorted(epoch_order(seed, epoch, length)) == list(range(length))


def test_orders_of_epochs_and_seeds_differ_and_do_not_favour_a_place() -> None:
    orders = np.array([epoch_order(3, epoch, 20) for epoch in range(400)])
    assert len({tuple(order) for order in orders}) == 400
    assert not np.array_equal(epoch_order(3, 0, 20), epoch_order(4, 0, 20))
    # 400 draws from 0..19 have the mean 9.5 with a standard error of 0.29
    assert np.abs(orders.mean(axis=0) - 9.5).max() < 1.3


@given(
    samples=st.integers(1, 30),
    parts=st.integers(1, 4),
    micro_batch=st.integers(1, 7),
    processes=st.integers(1, 3),
    start=st.integers(0, 12),
)
def test_processes_and_parts_together_make_the_same_batches(
    samples: int, parts: int, micro_batch: int, processes: int, start: int
) -> None:
    size = parts * processes
    alone = BatchPlan(samples, size, size, seed=5)
    plans = [BatchPlan(samples, size, micro_batch, 5, p, processes) for p in range(processes)]
    end = start + 3
    epochs = end * size // samples + 1
    row = [int(i) for epoch in range(epochs) for i in epoch_order(5, epoch, samples)]
    per_process = [list(MicroBatches(plan, start, end)) for plan in plans]
    for update in range(start, end):
        expected = row[update * size : (update + 1) * size]
        assert list(MicroBatches(alone, update, update + 1)) == [expected]
        at = (update - start) * plans[0].parts
        own = [p[at : at + plans[0].parts] for p in per_process]
        assert sorted(i for part in own for one in part for i in one) == sorted(expected)
        assert max(len(one) for part in own for one in part) <= micro_batch
        seeds = {
            (update, sample, seed)
            for plan, part in zip(plans, own, strict=True)
            for number, one in enumerate(part)
            for sample, seed in zip(one, plan.row_seeds(update, number), strict=True)
        }
        assert seeds == {
            (update, sample, seed)
            for sample, seed in zip(expected, alone.row_seeds(update, 0), strict=True)
        }
    assert all(
        len(MicroBatches(p, start, end)) == len(o) for p, o in zip(plans, per_process, strict=True)
    )


def test_updates_use_every_sample_as_often_as_asked() -> None:
    plan = BatchPlan(samples=10, batch_size=4, micro_batch=4, seed=0)
    assert plan.updates(epochs=2) == 5
    used = [i for batch in MicroBatches(plan, 0, 5) for i in batch]
    assert sorted(used) == sorted(2 * list(range(10)))
    assert plan.epoch_of(5) == 2.0


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(UsageError, match="batch_size: 4 samples cannot be divided among 3"):
        BatchPlan(10, 4, 4, 0, 0, 3)
    with pytest.raises(UsageError, match="no sample"):
        BatchPlan(0, 4, 4, 0)


def test_the_learning_rate_warms_up_and_falls_along_half_a_cosine() -> None:
    def rate(update: int, schedule: str = "cosine") -> float:
        return learning_rate(update, peak=2.0, updates=110, warm_up=10, schedule=schedule)  # type: ignore[arg-type]

    assert [rate(i) for i in (0, 4, 9)] == pytest.approx([0.2, 1.0, 2.0])
    assert rate(10) == pytest.approx(2.0)
    assert rate(60) == pytest.approx(1.0)
    assert rate(110) == pytest.approx(0.0, abs=1e-12)
    assert rate(35) == pytest.approx(1.0 + np.cos(np.pi / 4))
    assert {rate(i, "constant") for i in range(10, 110)} == {2.0}
