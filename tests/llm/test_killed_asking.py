"""kill -9 at random moments: nothing answered is lost or asked again, the budget holds."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
import zlib
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.llm import waiting
from qevd_bio.llm.budget import Budget, BudgetSpent
from qevd_bio.llm.cache import AnswerFile
from tests.llm.asking_fixtures import asking, questions
from tests.llm.scripted_server import Act, ScriptedServer, serving

SPENT, CONCURRENCY = 7, 8


def ask_all(url: str, path: Path, given_out: Path, limit: int | None, count: int) -> None:
    """Ask in a process of its own; notes each answer that is given out."""
    waiting.FIRST_S = waiting.LONGEST_S = 0.01
    try:
        with (
            given_out.open("a", encoding="ascii") as notes,
            asking(url, path, Budget(max_calls=limit), concurrency=CONCURRENCY) as client,
        ):
            for answer in client.ask(questions(count)):
                notes.write(f"{answer.request.key} {answer.text}\n")
                notes.flush()
    except BudgetSpent:
        sys.exit(SPENT)


def unreliable(text: str, before: int, body: dict[str, Any]) -> Act:
    """Answer after some ms, out of order; fail at the first asking of every third question."""
    luck = zlib.crc32(f"{text} {before}".encode()) % 12
    faults = {0: Act(status=500), 1: Act(status=429), 2: Act(cut_after=40), 3: Act(body=b"{")}
    if before == 0 and luck in faults:
        return faults[luck]
    return Act(content=f"answer to {text}", delay_s=0.002 * luck)


class Trial:
    """Runs the asking, kills it, and checks after every run what must hold."""

    def __init__(self, server: ScriptedServer, folder: Path, count: int) -> None:
        self.server, self.count = server, count
        self.path, self.given_out = folder / "a.jsonl", folder / "given.txt"
        self.given_out.touch()
        self.context: ForkServerContext = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["qevd_bio.llm.conversation", __name__])

    def run(self, limit: int | None, kill_after_s: float | None) -> int | None:
        """Run once; returns the exit code."""
        known = self.answered()
        asked_before = len(self.server.seen.asked)
        given = (self.server.url, self.path, self.given_out, limit, self.count)
        process = self.context.Process(target=ask_all, args=given)
        process.start()
        if kill_after_s is not None:
            # from the first call on, so that most kills find calls in flight
            while len(self.server.seen.asked) == asked_before and process.is_alive():
                time.sleep(0.001)
            time.sleep(kill_after_s)
            if process.pid is not None:
                os.kill(process.pid, signal.SIGKILL)
        process.join(120)
        time.sleep(0.05)  # what was sent before the kill arrives
        asked = set(self.server.seen.asked[asked_before:])
        assert not asked & known, "what was answered is asked again"
        assert known <= self.answered(), "an answer was lost"
        assert self.handed_out() <= self.answered(), "an answer was given out before it was kept"
        return process.exitcode

    def answered(self) -> set[str]:
        """Read from the file itself which questions have an answer."""
        if not self.path.exists():
            return set()
        found = set()
        for line in self.path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n") and line.startswith(b'{"asked"'):
                value = json.loads(line)
                if not value["reply"]["problem"]:
                    key = value["asked"]["key"]
                    assert value["reply"]["text"] == f"answer to {key}"
                    found.add(key)
        return found

    def handed_out(self) -> set[str]:
        lines = self.given_out.read_text(encoding="ascii").splitlines(keepends=True)
        return {line.split()[0] for line in lines if line.endswith("\n")}


@pytest.mark.slow
@pytest.mark.parametrize("most", [8, pytest.param(30, marks=pytest.mark.long)])
def test_kills_lose_nothing_and_ask_nothing_twice(tmp_path: Path, most: int) -> None:
    moments = random.Random(19)
    limit, count = 400, 600
    with serving(unreliable) as server:
        trial = Trial(server, tmp_path, count)
        kills, code = 0, None
        while code != SPENT:
            code = trial.run(limit, moments.uniform(0.0, 0.08) if kills < most // 2 else None)
            kills += code == -signal.SIGKILL
        assert len(server.seen.asked) <= limit
        with AnswerFile(trial.path) as answers:
            assert answers.spent.calls == limit
        # Each kill cost at most what was in flight, and the rest of the budget was used.
        assert len(trial.answered()) >= limit * 2 // 3 - 10 - most // 2 * CONCURRENCY
        while kills < most:
            code = trial.run(None, moments.uniform(0.0, 0.06))
            kills += code == -signal.SIGKILL
        assert trial.run(None, None) == 0
        assert len(trial.answered()) == count
        assert trial.handed_out() == {one.key for one in questions(count)}
        with AnswerFile(trial.path) as answers:
            assert answers.spent.calls >= len(server.seen.asked)
