"""The file of answers: what a kill tears off is removed, nothing else is; one writer; speed."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.llm import cache
from qevd_bio.llm.budget import Spent
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.chat import ChatRequest, Message
from qevd_bio.llm.endpoint import Endpoint
from qevd_bio.llm.identity import digest_of, endpoint_json, request_json
from qevd_bio.llm.reply import Reply
from tests.llm.asking_fixtures import SCORE, asked, questions

WHO = {"endpoint": "http://x/v1", "model": "m", "revision": ""}


def add(answers: AnswerFile, digest: str, text: str = "fine") -> None:
    call = answers.begin(digest, 30, 40)
    answers.end(call, digest, {"of": digest}, Reply(text=text), (3, 4))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A file with three answers and what an endpoint offers."""
    path = tmp_path / "a.jsonl"
    with AnswerFile(path) as answers:
        for digest in "abc":
            add(answers, digest, f"text of {digest} \u00b0\u2028")
        answers.remember(WHO, {"structured": "json_object"})
    return path


def test_what_was_written_is_read_again(whole: Path) -> None:
    with AnswerFile(whole) as answers:
        assert answers.get("b") == Reply(text="text of b \u00b0\u2028")
        assert answers.get("d") is None
        assert answers.spent == Spent(3, 9, 12)
        assert answers.abilities(WHO) == {"structured": "json_object"}
        assert answers.abilities(WHO | {"revision": "2"}) is None
        add(answers, "b", "newer")
    with AnswerFile(whole) as answers:
        reply = answers.get("b")
        assert reply is not None and reply.text == "newer"


def test_a_file_cut_anywhere_keeps_all_whole_lines_and_can_be_written_to(
    whole: Path, tmp_path: Path
) -> None:
    data = whole.read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == 10]
    cut = tmp_path / "cut.jsonl"
    for length in range(len(data) + 1):
        cut.write_bytes(data[:length])
        with AnswerFile(cut) as answers:
            lines = sum(end <= length for end in ends)
            # the head, then twice a line for each answer
            found = [digest for digest in "abc" if answers.get(digest) is not None]
            assert found == list("abc")[: max(0, (lines - 1) // 2)]
            add(answers, "new")
        with AnswerFile(cut) as answers:
            assert answers.get("new") is not None
        for line in cut.read_bytes().splitlines():
            json.loads(line)


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\0" * 100 + b"\n", b'{"call": 9}garbage\n\0'])
def test_blocks_that_a_power_cut_left_at_the_end_are_removed(whole: Path, tail: bytes) -> None:
    before = whole.read_bytes()
    whole.write_bytes(before + tail)
    with AnswerFile(whole) as answers:
        assert answers.get("c") is not None
    assert whole.read_bytes() == before


def test_a_call_that_never_ended_counts_with_its_most_tokens(whole: Path) -> None:
    with AnswerFile(whole) as answers:
        answers.begin("d", 100, 200)
        assert answers.spent == Spent(4, 9, 12)
    with AnswerFile(whole) as answers:
        assert answers.spent == Spent(4, 109, 212)
        assert answers.get("d") is None
        add(answers, "d")
    with AnswerFile(whole) as answers:
        assert answers.spent == Spent(5, 112, 216)


def test_damage_before_the_end_is_refused_and_left_as_it_is(whole: Path) -> None:
    lines = whole.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][:20] + b"\n"
    whole.write_bytes(b"".join(lines))
    before = whole.read_bytes()
    with pytest.raises(DataError, match="damaged before line 4"):
        AnswerFile(whole)
    assert whole.read_bytes() == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"some notes of mine", "no file of answers"),
        (b"some notes of mine\n", "no file of answers"),
        (b'{"a": 1}\n', "no file of answers"),
        (b'{"format":"qevd_bio.llm.answers","version":2}\n', "has version 2"),
        (b'{"format":"qevd_bio.llm.answers","version":1}\n{"call":1}\n', "line 2 is no call"),
        (
            b'{"format":"qevd_bio.llm.answers","version":1}\n'
            b'{"call":1,"key":"a","counted":[1,1]}\n',
            "line 2 is no call",
        ),
        (
            b'{"format":"qevd_bio.llm.answers","version":1}\n'
            b'{"call":1,"key":"a","counted":[1,1],"reply":{"text":5}}\n',
            "line 2 is no call",
        ),
    ],
)
def test_another_file_is_refused_and_left_as_it_is(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(data)
    with pytest.raises(DataError, match=said):
        AnswerFile(path)
    assert path.read_bytes() == data


def test_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem):
        AnswerFile(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="no regular file"):
        AnswerFile(tmp_path / "pipe")


def test_one_process_writes_at_a_time(whole: Path) -> None:
    opens = f"from qevd_bio.llm.cache import *; AnswerFile(Path({str(whole)!r}))"
    command = [sys.executable, "-c", opens]
    with AnswerFile(whole):
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "is in use by another process" in second.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_a_full_disk_leaves_whole_lines(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def short(file: int, data: Any) -> int:
        if len(data) < 50:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[: len(data) // 2])

    before = whole.read_bytes()
    with AnswerFile(whole) as answers:
        monkeypatch.setattr(cache.os, "write", short)
        with pytest.raises(EnvironmentProblem, match="No space left"):
            add(answers, "d")
        monkeypatch.undo()
        assert whole.read_bytes() == before
        add(answers, "e")
    with AnswerFile(whole) as answers:
        assert answers.get("e") is not None


def test_nothing_follows_a_torn_line_that_could_not_be_taken_back(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(file: int, data: Any) -> int:
        if failing.calls:  # type: ignore[attr-defined]
            raise OSError(errno.EIO, "Input/output error")
        failing.calls = 1  # type: ignore[attr-defined]
        return write(file, data[:9])

    def refused(file: int, length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    write, failing.calls = os.write, 0  # type: ignore[attr-defined]
    with AnswerFile(whole) as answers:
        monkeypatch.setattr(cache.os, "write", failing)
        monkeypatch.setattr(cache.os, "ftruncate", refused)
        with pytest.raises(EnvironmentProblem, match="Input/output"):
            add(answers, "d")
        monkeypatch.undo()
        with pytest.raises(EnvironmentProblem):
            add(answers, "e")
    with AnswerFile(whole) as answers:
        assert answers.get("c") is not None
        add(answers, "e")


def test_a_file_system_without_locks_is_said(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(cache.fcntl, "flock", no_locks)
    with pytest.raises(EnvironmentProblem, match="No locks available"):
        AnswerFile(whole)


@pytest.mark.slow
def test_ten_thousand_judgements_are_read_in_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    endpoint = Endpoint("http://127.0.0.1:9", "m")
    text = "Judge this sentence of a coach by the other. " * 20
    requests = [
        ChatRequest(one.key, "judge", 1, (Message("user", f"{text} {one.key}"),), schema=SCORE)
        for one in questions(10_000)
    ]
    with AnswerFile(path) as answers:
        for request in requests:
            written = request_json(request)
            digest, who = digest_of(endpoint, written), endpoint_json(endpoint)
            reply = Reply(text='{"score": 4}', finish_reason="stop", model="m", seconds=0.2)
            call = answers.begin(digest, 300, 512)
            answers.end(call, digest, {**who, "request": written}, reply, (300, 8))
    begin = time.process_time()
    found = asked(endpoint.base_url, path, requests, model="m")
    assert time.process_time() - begin <= 2.0
    assert len(found) == 10_000
    assert all(one.cached and one.value == {"score": 4} for one in found)
