"""A server in a thread of the test, and plain requests to it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from qevd_bio.review.server.listening import LOOPBACK, http_server, listening_socket


@contextmanager
def serving(make_app: Any) -> Iterator[int]:
    """Serve `make_app(port)` on a free port of the loopback address."""
    opened = listening_socket(LOOPBACK, 0)
    port = opened.getsockname()[1]
    app: ASGIApp = make_app(port)
    server = http_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@dataclass
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """One annotator's browser, reduced to what the checks of the server see."""

    port: int
    cookie: str = ""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sign_in(self, token: str) -> Answer:
        """Exchange a token for a session."""
        answer = self.get(f"/?token={token}")
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, None, headers)

    def post(self, path: str, value: Any, **headers: str) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        given = {"Content_Type": "application/json", "Origin": self.origin}
        return self.request("POST", path, body, {**given, **headers})

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        """Send with exactly these headers, an underscore standing for a hyphen."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items() if value}
        if self.cookie and "Cookie" not in sent:
            sent["Cookie"] = self.cookie
        try:
            connection.putrequest(method, path, skip_host="Host" in sent)
            for name, value in sent.items():
                connection.putheader(name, value)
            if body is not None and "Content-Length" not in sent:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()


def open_socket(port: int, text: bytes = b"") -> socket.socket:
    """Open a connection and send some bytes on it."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=20)
    if text:
        opened.sendall(text)
    return opened


def is_closed(opened: socket.socket, within_s: float) -> bool:
    """Return whether the other side closes a connection in time, whatever it sends before."""
    opened.settimeout(within_s)
    try:
        while opened.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True
