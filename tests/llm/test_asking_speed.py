"""A thousand requests at concurrency 64 cost little more than the server's own time."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.llm.asking_fixtures import asking, question, questions

REQUESTS, CONCURRENCY, ANSWER_S = 1_000, 64, 0.05
IDEAL_S = math.ceil(REQUESTS / CONCURRENCY) * ANSWER_S


@pytest.fixture
def server_of_its_own() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.llm.scripted_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.mark.slow
def test_a_thousand_requests_take_two_seconds_over_the_ideal(
    server_of_its_own: str, tmp_path: Path
) -> None:
    best_s, least_work_s = math.inf, math.inf
    for attempt in range(3):
        with asking(server_of_its_own, tmp_path / f"{attempt}", concurrency=CONCURRENCY) as client:
            list(client.ask([question("first")]))
            begin, work = time.perf_counter(), time.process_time()
            answers = list(client.ask(questions(REQUESTS)))
            best_s = min(best_s, time.perf_counter() - begin)
            least_work_s = min(least_work_s, time.process_time() - work)
        assert {one.outcome for one in answers} == {"answered"}
        if best_s <= IDEAL_S + 2.0:
            return
    # On a machine that others keep busy only the work can be judged: it runs beside the waiting.
    assert least_work_s <= IDEAL_S + 1.5, f"{best_s:.1f} s, {least_work_s:.1f} s of work"
    pytest.skip(f"the machine is busy: {best_s:.1f} s for {least_work_s:.1f} s of work")
