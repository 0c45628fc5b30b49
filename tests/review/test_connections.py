"""Many, idle and slow connections do not keep an annotator from the page."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from qevd_bio.review.server import bodies, connections
from tests.review.served import Client, is_closed, open_socket, serving


async def _hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def _read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(await bodies.json_body(request)))


def _app(port: int) -> Starlette:
    return Starlette(routes=[Route("/", _hello), Route("/read", _read, methods=["POST"])])


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connections, "HEAD_S", 0.6)
    monkeypatch.setattr(bodies, "READ_S", 0.6)
    with serving(_app) as port:
        yield port


def test_a_thousand_open_connections_leave_room_for_a_request(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 30.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2_400:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, hard), hard))
    opened = [open_socket(port, b"GET / HT"[: i % 9]) for i in range(1_000)]
    try:
        started = time.perf_counter()
        assert Client(port).get("/").body == b"hello"
        assert time.perf_counter() - started < 2.0
        still_open = sum(not is_closed(one, 0.001) for one in opened)
        assert 0 < still_open <= connections.MOST_CONNECTIONS
    finally:
        for one in opened:
            one.close()
    assert Client(port).get("/").body == b"hello"


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"\x16\x03\x01"])
def test_a_head_that_does_not_come_closes_the_connection(port: int, sent: bytes) -> None:
    started = time.perf_counter()
    with open_socket(port, sent) as opened:
        assert is_closed(opened, 3.0)
    assert time.perf_counter() - started < 2.0


def test_a_head_that_trickles_in_closes_the_connection(port: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
    with open_socket(port, head) as opened, pytest.raises(ConnectionError):
        for _ in range(40):
            opened.sendall(b"x")
            time.sleep(0.05)


def test_a_body_that_trickles_in_is_refused(port: int) -> None:
    head = (
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 999\r\n\r\n"
    )
    with open_socket(port, head) as opened:
        for _ in range(8):
            opened.sendall(b"[")
            time.sleep(0.1)
        assert b" 408 " in opened.recv(4096).partition(b"\r\n")[0]


def test_a_body_that_trickles_on_after_the_answer_closes_the_connection(port: int) -> None:
    with open_socket(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n") as opened:
        assert b" 405 " in opened.recv(4096).partition(b"\r\n")[0]
        with pytest.raises(ConnectionError):
            for _ in range(40):
                opened.sendall(b"x")
                time.sleep(0.05)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"x" * (bodies.MOST_BYTES + 1), 413),
        (b"[]", 400),
        (b"{", 400),
        (b"", 400),
        (b"[" * 20_000, 400),
        (b"\xff\xfe", 400),
        (b'{"a": 1}', 200),
    ],
)
def test_a_body_is_a_small_object(port: int, sent: bytes, status: int) -> None:
    assert Client(port).post("/read", sent).status == status


def test_a_body_of_undeclared_length_is_measured_while_it_comes(port: int) -> None:
    head = (
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    with open_socket(port, head) as opened:
        for _ in range(9):
            opened.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        assert b" 413 " in opened.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data"])
def test_what_a_foreign_form_can_send_is_no_body(port: int, kind: str) -> None:
    assert Client(port).post("/read", b"{}", Content_Type=kind).status == 415
