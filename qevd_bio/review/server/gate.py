"""What stands before every request: Host, Origin and session are checked, headers are set."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qevd_bio.files.templates import render
from qevd_bio.review.server.access import Access

TOKEN = "token"  # noqa: S105  the name of the parameter
ANNOTATOR = "review-annotator"
"""Header by which the page says whose it is: tabs of one browser share the session's cookie."""

_SESSION_S = 12 * 3600
_SAME = frozenset({"same-origin", "none"})
_METHODS = frozenset({"GET", "HEAD", "POST"})

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Gate:
    """ASGI middleware that lets only requests of the page itself pass.

    Parameters
    ----------
    app : ASGI application
        Gets the name of the annotator as ``request.state.annotator``.
    access : Access
        Tokens and sessions.
    hosts : iterable of str
        Every ``Host`` under which the server is reached, with its port. Another name may be one
        that an attacker's name server points at this machine.

    Notes
    -----
    Static files need no session: they hold nothing of the data.
    """

    def __init__(self, app: ASGIApp, access: Access, hosts: Iterable[str]) -> None:
        self.app = app
        self.access = access
        self.hosts = frozenset(hosts)
        self.origins = frozenset(f"http://{host}" for host in self.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or pass it on."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        if not scope["path"].startswith("/static/"):
            answer = self._session(scope)
            if answer is not None:
                await answer(scope, receive, _with_headers(send))
                return
        await self.app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method = Headers(scope=scope), scope["method"]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return PlainTextResponse("This server does not answer to this Host.", 421)
        if method not in _METHODS:
            return PlainTextResponse("Method not allowed.", 405)
        site = headers.get("sec-fetch-site", "none")
        if method == "POST":
            origins = headers.getlist("origin")
            if len(origins) != 1 or origins[0] not in self.origins or site not in _SAME:
                return _refused("the request comes from another page", 403)
        elif site not in _SAME and scope["path"] != "/":
            return PlainTextResponse("The request comes from another page.", 403)
        return None

    def _session(self, scope: Scope) -> Response | None:
        """Find whose session it is; an answer where there is none."""
        cookie = _cookie_name(Headers(scope=scope)["host"])
        annotator = self.access.annotator(_cookie(scope, cookie))
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in query if name == TOKEN]
        if scope["path"] == "/" and scope["method"] == "GET" and tokens:
            rest = urlencode([pair for pair in query if pair[0] != TOKEN])
            return self._exchange(tokens[0], annotator, cookie, "/?" + rest if rest else "/")
        named = Headers(scope=scope).get(ANNOTATOR)
        if annotator is not None and named is not None and unquote(named) != annotator:
            words = "this browser is signed in as another annotator now"
            return JSONResponse({"error": words, "annotator": annotator}, 401)
        if annotator is not None:
            scope.setdefault("state", {})["annotator"] = annotator
            return None
        if scope["path"].startswith("/api/"):
            return _refused("no session", 401)
        return _notice(
            401,
            "No session",
            "Open the address that qevd-bio review serve printed. It works once; start the "
            "server again for a new one.",
        )

    def _exchange(
        self, token: str, annotator: str | None, cookie: str, forward: str
    ) -> Response | None:
        """Set the session's cookie and go on by a page of our own.

        A redirect would be part of the foreign navigation that a click in a mail is, on which
        browsers send no strict cookie.
        """
        secret = self.access.open_session(token)
        if secret is None and annotator is None:
            return _notice(
                401,
                "This address was used",
                "An address opens one session. Start the server again for a new one.",
            )
        answer = _notice(200, "Session opened", "The review opens.", forward=forward)
        if secret is not None:
            answer.set_cookie(
                cookie, secret, max_age=_SESSION_S, path="/", httponly=True, samesite="strict"
            )
        return answer


def _cookie_name(host: str) -> str:
    """Name the cookie by the port: browsers share cookies among the ports of a host."""
    return f"qevd_bio_review_{host.rpartition(':')[2]}"


def _cookie(scope: Scope, name: str) -> str:
    try:
        found = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _refused(words: str, status: int) -> Response:
    return JSONResponse({"error": words}, status)


def _notice(status: int, title: str, words: str, forward: str = "") -> Response:
    page = render(
        "qevd_bio.review.server", "notice.html", title=title, words=words, forward=forward
    )
    return Response(page, status, media_type="text/html")


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sent
