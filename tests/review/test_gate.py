"""Only the page itself reaches the server: Host, Origin, token and session."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from qevd_bio.errors import DataError, QevdBioError, UsageError
from qevd_bio.review.server.access import Access
from qevd_bio.review.server.gate import SECURITY_HEADERS, Gate
from qevd_bio.review.server.listening import host_names, listening_socket
from qevd_bio.review.server.serving import open_door
from qevd_bio.review.server.token_file import tokens_of
from tests.review.served import Client, open_socket, serving


async def _who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.annotator)


async def _anybody(request: Request) -> PlainTextResponse:
    return PlainTextResponse("public")


def _routes() -> list[Route]:
    methods = ["GET", "POST"]
    return [
        Route("/", _who),
        Route("/api/x", _who, methods=methods),
        Route("/media/x", _who),
        Route("/static/x", _anybody),
    ]


@pytest.fixture
def client() -> Iterator[Client]:
    """A client without a session."""

    def app(port: int) -> Starlette:
        access = Access({"anna": "a" * 40, "ben": "b" * 40}, one_time=True)
        hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        gate = Middleware(Gate, access=access, hosts=hosts)
        return Starlette(routes=_routes(), middleware=[gate])

    with serving(app) as port:
        yield Client(port)


def test_a_page_of_another_annotator_is_refused(client: Client) -> None:
    """Tabs of a browser share its cookie: the last address that was opened decides."""
    client.sign_in("a" * 40)
    assert client.get("/api/x", Review_Annotator="anna").status == 200
    client.sign_in("b" * 40)
    refused = client.post("/api/x", {}, Review_Annotator="anna")
    assert (refused.status, refused.value["annotator"]) == (401, "ben")
    assert client.post("/api/x", {}, Review_Annotator="b%65n").body == b"ben"


@pytest.fixture
def anna(client: Client) -> Client:
    client.sign_in("a" * 40)
    return client


def test_a_token_opens_one_session_of_its_annotator(client: Client) -> None:
    answer = client.sign_in("a" * 40)
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {
        part.strip() for part in cookie.split(";")
    }
    assert client.get("/api/x").body == b"anna"
    again = Client(client.port)
    assert again.sign_in("a" * 40).status == 401
    assert again.get("/api/x").status == 401
    assert client.get("/api/x").body == b"anna"


def test_the_token_leaves_the_address_and_the_filters_stay(client: Client) -> None:
    page = client.get(f"/?split=train&token={'b' * 40}&q=%3Cscript%3E").body.decode()
    assert 'content="0; url=/?split=train&amp;q=%3Cscript%3E"' in page
    assert "b" * 40 not in page


@pytest.mark.parametrize(
    "token", ["", "a", "a" * 39, "A" * 40, "%00", "a" * 40 + " ", "é", "a" * 9_999]
)
def test_another_token_opens_nothing(client: Client, token: str) -> None:
    from urllib.parse import quote

    assert client.sign_in(quote(token, safe="%")).status == 401
    assert "set-cookie" not in client.get(f"/?token={quote(token, safe='%')}").headers


@pytest.mark.parametrize("path", ["/", "/api/x", "/media/x"])
@pytest.mark.parametrize(
    "cookie", ["", "qevd_bio_review={port}", "x={s}; y", "{n}={s}x", '{n}=;;="', "\xff"]
)
def test_without_a_session_nothing_is_shown(client: Client, path: str, cookie: str) -> None:
    sent = cookie.format(port=client.port, s="s" * 43, n=f"qevd_bio_review_{client.port}")
    assert client.get(path, Cookie=sent).status == 401


def test_static_files_need_no_session(client: Client) -> None:
    assert client.get("/static/x").body == b"public"


HOSTS = ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.:{port}",
         "127.0.0.1:{port}.evil.example", "[::1]:{port}", "127.0.0.1:{port}@evil", ""]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "/api/x", "/media/x", "/static/x"])
def test_another_host_is_refused(anna: Client, host: str, path: str) -> None:
    raw = host.format(port=anna.port)
    sent = (
        f"GET {path} HTTP/1.1\r\nHost: {raw}\r\nCookie: {anna.cookie}\r\nConnection: close\r\n\r\n"
    )
    with open_socket(anna.port, sent.encode()) as opened:
        assert b" 421 " in opened.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "head",
    ["GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n",
     "GET / HTTP/1.0\r\n\r\n",
     "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"],
)  # fmt: skip
def test_two_hosts_or_none_are_refused(anna: Client, head: str) -> None:
    with open_socket(anna.port, head.format(port=anna.port).encode()) as opened:
        status = opened.recv(4096).split(b" ")[1]
    assert status in (b"421", b"400")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_own_hosts_are_answered(anna: Client, name: str) -> None:
    assert anna.get("/api/x", Host=f"{name}:{anna.port}").body == b"anna"


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1",
     "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1:1", "http://127.0.0.1:{port}/"],
)  # fmt: skip
def test_a_post_of_another_page_is_refused(anna: Client, origin: str) -> None:
    assert anna.post("/api/x", {}, Origin=origin.format(port=anna.port)).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_the_browser_marks_as_foreign_is_refused(anna: Client, site: str) -> None:
    assert anna.post("/api/x", {}, Sec_Fetch_Site=site).status == 403
    assert anna.get("/api/x", Sec_Fetch_Site=site).status == 403
    assert anna.get("/media/x", Sec_Fetch_Site=site).status == 403
    assert anna.get("/", Sec_Fetch_Site=site).body == b"anna"


def test_a_post_of_the_page_passes(anna: Client) -> None:
    assert anna.post("/api/x", {}, Sec_Fetch_Site="same-origin").body == b"anna"


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO"]
)
def test_other_methods_are_refused(anna: Client, method: str) -> None:
    assert anna.request(method, "/api/x", None, {"Origin": anna.origin}).status in (400, 405)


@pytest.mark.parametrize("path", ["/", "/api/x", "/static/x", "/gone", "/?token=x"])
def test_every_answer_has_the_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    for name, value in SECURITY_HEADERS.items():
        assert headers[name.lower()] == value
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_of_many_sessions_the_oldest_end() -> None:
    access = Access({"anna": "a" * 40}, one_time=False)
    secrets = [access.open_session("a" * 40) or "" for _ in range(1_001)]
    assert access.annotator(secrets[0]) is None
    assert {access.annotator(secret) for secret in secrets[1:]} == {"anna"}


def test_a_token_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    made = tokens_of(path, ["anna", "Ben Bär"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(made.values())) == 2 and all(len(token) >= 40 for token in made.values())
    assert tokens_of(path, ["anna"]) == {"anna": made["anna"]}


@pytest.mark.parametrize(
    "text",
    ["anna short\n", "a" * 50, "anna {t}\nanna {u}\n", "anna {t}\nben {t}\n", "anna é{t}\n"],
)
def test_a_weak_token_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(text.format(t="t" * 40, u="u" * 40), encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(DataError):
        tokens_of(path, ["anna"])


def test_a_token_file_that_others_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    tokens_of(path, ["anna"])
    with pytest.raises(UsageError, match="no token for ben"):
        tokens_of(path, ["anna", "ben"])
    path.chmod(0o640)
    with pytest.raises(DataError, match="chmod 600"):
        tokens_of(path, ["anna"])


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "no.such.name.invalid", "203.0.113.7", "a\0b"]
)
def test_hosts_that_cannot_be_checked_are_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(QevdBioError):
        open_door(["anna"], host=host, token_file=tmp_path / "tokens")


def test_another_host_needs_a_token_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="token-file"):
        open_door(["anna"], host="localhost")
    door = open_door(["anna"], host="localhost", token_file=tmp_path / "tokens")
    with door.opened:
        assert door.hosts[0].startswith("localhost:")
        assert "token" not in door.addresses["anna"]


def test_the_usual_door_is_on_the_loopback_address_only() -> None:
    door = open_door(["anna", "ben"])
    with door.opened:
        assert door.opened.getsockname()[0] == "127.0.0.1"
        assert len({address.partition("token=")[2] for address in door.addresses.values()}) == 2
    with pytest.raises(UsageError, match="twice"):
        open_door(["anna", "anna"])
    for name in ("", " anna", "a\nb", "<b>", "a" * 65):
        with pytest.raises(UsageError, match="--annotator"):
            open_door([name])


def test_a_port_that_is_taken_is_named() -> None:
    with listening_socket("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        assert host_names("127.0.0.1", opened) == [f"127.0.0.1:{port}", f"localhost:{port}"]
        with pytest.raises(UsageError, match=str(port)):
            listening_socket("127.0.0.1", port)
