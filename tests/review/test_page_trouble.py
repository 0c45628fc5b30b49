"""The server is killed, restarted, slow or deaf while somebody reviews; no verdict is lost."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.review.server.opening import open_review
from qevd_bio.review.server.serving import Serving, open_door
from qevd_bio.verdicts.store import VerdictStore
from tests.review.conftest import Serve, wait_for_item
from tests.review.served import Client

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@dataclass
class ServerProcess:
    """The server of `qevd-bio review serve` as its own process, to be killed and started again.

    It is forked, without the seconds that Python needs to import it.
    """

    work: Path
    home: Path
    port: int = 0
    running: BaseProcess | None = None

    @property
    def store(self) -> Path:
        return self.home / "verdicts.sqlite"

    def start(self) -> None:
        """Fork it; connections wait in its socket until it answers."""
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([__name__])
        receive, send = forks.Pipe(duplex=False)
        given = (self.work, self.store, self.home / "tokens", self.port, send)
        self.running = forks.Process(target=serve_review, args=given)
        self.running.start()
        send.close()
        self.port = receive.recv()

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.running is not None and self.running.pid is not None
        os.kill(self.running.pid, signal.SIGKILL)
        self.running.join()

    @property
    def address(self) -> str:
        token = (self.home / "tokens").read_text(encoding="utf-8").split()[1]
        return f"http://127.0.0.1:{self.port}/?token={token}"

    def events(self) -> list[Any]:
        """What is on the disk."""
        store = VerdictStore(self.store)
        found = list(store.events())
        store.close()
        return found


def serve_review(work: Path, store: Path, tokens: Path, port: int, ready: Connection) -> None:
    """Serve as `qevd-bio review serve` does, and tell the port."""
    review = open_review(work, store=store, share=0.0)
    door = open_door(["anna"], port=port, token_file=tokens)
    ready.send(door.opened.getsockname()[1])
    Serving(review, door).run()


@pytest.fixture
def server(made_work: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(made_work, tmp_path)
    process.start()
    yield process
    process.kill()


@dataclass
class Watched:
    """What a page sent, and what of it the server said to have stored."""

    sent: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)

    def watch(self, page: Any) -> None:
        page.on("request", self._on_request)
        page.on("requestfinished", self._on_finished)

    def _on_request(self, request: Any) -> None:
        if self._is_verdict(request):
            self.sent.append(request.post_data_json["event_id"])

    def _on_finished(self, request: Any) -> None:
        if self._is_verdict(request) and request.response().status == 200:
            self.acknowledged.add(request.post_data_json["event_id"])

    @staticmethod
    def _is_verdict(request: Any) -> bool:
        return request.method == "POST" and "check-edit" not in request.url


def test_a_verdict_without_a_server_is_kept_and_sent_when_it_is_back(
    server: ServerProcess, open_page: Any
) -> None:
    page = open_page(server.address, faulty=True)
    first = wait_for_item(page)
    page.keyboard.press("a")
    second = wait_for_item(page, other_than=first)
    server.kill()
    page.keyboard.press("x")
    page.keyboard.press("3")
    page.wait_for_function(
        "() => document.getElementById('banner').textContent.includes('is kept in this browser')"
    )
    assert wait_for_item(page) == second
    assert [event.verdict for event in server.events()] == ["accepted"]
    server.start()
    page.wait_for_function(
        "() => document.getElementById('banner').textContent.includes('Open the address')"
    )
    page.goto(server.address)
    third = wait_for_item(page, other_than=second)
    assert third != first and page.inner_text("#progress-words") == "2 of 53"
    stored = server.events()
    assert [(event.verdict, event.reason) for event in stored] == [
        ("accepted", ""), ("rejected", "wrong_side"),
    ]  # fmt: skip
    assert (
        page.evaluate(
            "() => Object.keys(localStorage).filter(key => key.includes('unsent')).length"
        )
        == 0
    )


def test_undo_works_across_a_restart(server: ServerProcess, open_page: Any) -> None:
    page = open_page(server.address, faulty=True)
    first = wait_for_item(page)
    page.keyboard.press("a")
    second = wait_for_item(page, other_than=first)
    page.keyboard.press("s")
    wait_for_item(page, other_than=second)
    server.kill()
    server.start()
    page.goto(server.address)
    wait_for_item(page, other_than=second)
    for item in (second, first):
        page.keyboard.press("u")
        page.wait_for_function("id => location.hash.slice(1) === id", arg=item)
    assert [event.verdict for event in server.events()] == ["accepted", "skipped"] + ["undone"] * 2
    assert page.inner_text("#progress-words") == "0 of 53"


def test_a_lost_answer_is_asked_for_again_with_the_same_event(
    serve: Serve, open_page: Any
) -> None:
    served = serve()
    page = open_page(served.address(), faulty=True)
    watched = Watched()
    watched.watch(page)
    first = wait_for_item(page)
    losses = iter([True, True, False])

    def lose(route: Any) -> None:
        if next(losses):
            route.fetch()  # the server stores it, and its answer is lost
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/verdict?*", lose)
    page.keyboard.press("a")
    wait_for_item(page, other_than=first)
    assert len(watched.sent) == 3 and len(set(watched.sent)) == 1
    store = VerdictStore(served.store)
    assert [event.event_id for event in store.events()] == watched.sent[:1]
    store.close()
    assert page.inner_text("#progress-words") == "1 of 53"


def review_while_killing(server: ServerProcess, open_page: Any, kills: int, seed: int) -> None:
    """Judge and undo in the page while the server is killed at random moments."""
    chance = random.Random(seed)
    # With these filters there is always a next item, judged or not.
    address = f"{server.address}&verdict=open,accepted,skipped"
    page = open_page(address, faulty=True)
    watched = Watched()
    watched.watch(page)
    for _ in range(kills):
        wait_for_item(page)
        end = time.monotonic() + chance.uniform(0.0, 1.0)
        while time.monotonic() < end:
            page.keyboard.press(chance.choice("aasu"))
            page.wait_for_timeout(chance.uniform(5, 120))
        server.kill()
        page.keyboard.press("a")
        ids = [event.event_id for event in server.events()]
        assert watched.acknowledged <= set(ids)
        server.start()
        page.goto(address)
    wait_for_item(page)
    page.wait_for_timeout(500)
    ids = [event.event_id for event in server.events()]
    assert len(ids) == len(set(ids)) and set(ids) == set(watched.sent)
    assert len(watched.acknowledged) >= kills


@pytest.mark.slow
def test_a_few_kills_lose_no_acknowledged_verdict(server: ServerProcess, open_page: Any) -> None:
    review_while_killing(server, open_page, kills=2, seed=1)


def judge_until_killed(server: ServerProcess, made: list[str], known: set[str]) -> None:
    """Judge as a page does, without drawing it; `known` are the events that were acknowledged."""
    client = Client(server.port)
    client.sign_in(server.address.partition("token=")[2])
    for path, body in judgements(client):
        made.append(body["event_id"])
        if client.post(path, body).status == 200:
            known.add(body["event_id"])


def judgements(client: Client) -> Iterator[tuple[str, dict[str, Any]]]:
    """Verdicts on item after item, each third one undone; at the queue's end two more undone."""
    for number in itertools.count():
        item = client.get("/api/next").value["item"]
        if item is None:
            for _ in range(2):
                yield "/api/undo", {"event_id": str(uuid.uuid4())}
            continue
        verdict = {"item": item["id"], "judged": item["digest"], "verdict": "accepted"}
        yield "/api/verdict", {"event_id": str(uuid.uuid4()), **verdict}
        if number % 3 != 1:
            yield "/api/undo", {"event_id": str(uuid.uuid4())}


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_fifty_kills_lose_no_acknowledged_verdict(server: ServerProcess) -> None:
    chance = random.Random(2)
    made: list[str] = []
    known: set[str] = set()
    for kill in range(50):
        before = len(known)
        judging = threading.Thread(target=until_refused, args=(server, made, known))
        judging.start()
        while len(known) == before:
            assert judging.is_alive(), "nothing is judged any more"
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.3))
        server.kill()
        judging.join(20)
        ids = [event.event_id for event in server.events()]
        assert known <= set(ids) <= set(made) and len(ids) == len(set(ids)), kill
        server.start()
    assert len(known) > 50


def until_refused(server: ServerProcess, made: list[str], known: set[str]) -> None:
    """Judge until the server is gone."""
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        judge_until_killed(server, made, known)


def test_a_server_of_other_machines_says_what_it_opens(made_work: Path, tmp_path: Path) -> None:
    command = ["review", "serve", str(made_work), "--store", str(tmp_path / "v.sqlite"),
               "--host", "localhost", "--port", "0", "--annotator", "anna"]  # fmt: skip
    without = subprocess.run(
        [sys.executable, "-m", "qevd_bio", *command], capture_output=True, text=True, check=False
    )
    assert without.returncode == 2 and "--token-file" in without.stderr
    tokens = tmp_path / "tokens"
    running = subprocess.Popen(
        [sys.executable, "-m", "qevd_bio", *command, "--token-file", str(tokens)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None and running.stderr is not None
        address = running.stdout.readline().partition(": ")[2].strip()
        port = int(address.rstrip("/").rpartition(":")[2])
        client = Client(port)
        token = tokens.read_text(encoding="utf-8").split()[1]
        answer = client.get(f"/?token={token}", Host=f"localhost:{port}")
        assert answer.status == 200
        assert client.get("/", Host=f"127.0.0.1:{port}").status == 421
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        assert running.wait(20) == 0
    finally:
        running.kill()
    assert "Opens to every machine that reaches localhost" in said and "not encrypted" in said
    assert token not in said and token not in address
