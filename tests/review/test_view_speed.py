"""How long one sentence takes among 20,000, and what stays in memory."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.review.item_view import item_view
from qevd_bio.review.skeleton_view import skeleton_view
from qevd_bio.review.source import OpenedSource
from qevd_bio.verdicts.item_key import ItemKey
from tests.review.large_source import large_source


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> OpenedSource:
    return large_source(tmp_path_factory.mktemp("large"))


def anonymous_kb() -> int:
    """Memory of this process that belongs to no file."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("the system does not say how much memory is in use")
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return int(lines["RssAnon"].split()[0])


@pytest.mark.slow
def test_a_sentence_takes_30_ms_and_memory_stays_flat(large: OpenedSource) -> None:
    assert len(large) == 20_000
    keys = list(large.keys())
    chosen = np.random.default_rng(0).choice(len(keys), 250, replace=False)
    seconds, memory_kb = [], []
    for number, place in enumerate(chosen.tolist()):
        begin = time.process_time()
        text = json.dumps(item_view(large, keys[place]).to_json())
        seconds.append(time.process_time() - begin)
        assert text
        if number % 10 == 0:
            skeleton_view(large, keys[place])
        memory_kb.append(anonymous_kb())
    assert np.median(seconds[20:]) < 0.030
    assert memory_kb[-1] - memory_kb[100] < 15_000
    assert isinstance(large.row(ItemKey("0199", 99)), dict)
