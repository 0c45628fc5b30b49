"""The live picture in a browser of this machine: a stream of JPEGs, no other dependency."""

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qevd_bio.arrays import ByteArray
from qevd_bio.views.overlay.draw_skeleton import imaging

_BORDER = "qevd-bio-picture"
_QUALITY = 80
_PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>qevd-bio coach</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{margin:0;background:#000}}img{{display:block;margin:auto;max-width:100%;height:100vh;
object-fit:contain}}</style>
<img alt="live picture with count and last finding" src="/{token}/live">
"""


class LivePage:
    """The newest picture, for whoever looks.

    Attributes
    ----------
    address : str
        To be opened in a browser; it holds a token that nobody else knows.
    """

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(16)
        self._image, _, _ = imaging()
        self._news = threading.Condition()
        self._jpeg, self._number, self._has_ended = b"", 0, False
        self._watchers = 0
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page._answer(self)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._port = int(self._server.server_address[1])
        self.address = f"http://127.0.0.1:{self._port}/{self._token}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def show(self, picture: ByteArray) -> None:
        """Take a picture (H, W, 3) over; it is encoded only while somebody looks."""
        if self._watchers == 0:
            return
        data = io.BytesIO()
        self._image.fromarray(picture).save(data, "JPEG", quality=_QUALITY)
        with self._news:
            self._jpeg, self._number = data.getvalue(), self._number + 1
            self._news.notify_all()

    def close(self) -> None:
        """End all streams and the server."""
        with self._news:
            self._has_ended = True
            self._news.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer those who know the token and name this machine as the host."""
        hosts = (f"127.0.0.1:{self._port}", f"localhost:{self._port}")
        parts = request.path.strip("/").split("/")
        if request.headers.get("Host") not in hosts or not secrets.compare_digest(
            parts[0].encode(), self._token.encode()
        ):
            request.send_error(HTTPStatus.NOT_FOUND)
        elif parts[1:] == ["live"]:
            self._stream(request)
        elif len(parts) == 1:
            text = _PAGE.format(token=self._token).encode()
            request.send_response(HTTPStatus.OK)
            request.send_header("Content-Type", "text/html; charset=utf-8")
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)
        else:
            request.send_error(HTTPStatus.NOT_FOUND)

    def _stream(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(HTTPStatus.OK)
        kind = f"multipart/x-mixed-replace; boundary={_BORDER}"
        request.send_header("Content-Type", kind)
        request.end_headers()
        self._watchers += 1
        try:
            for jpeg in self._pictures():
                head = f"--{_BORDER}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                request.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            self._watchers -= 1

    def _pictures(self) -> Iterator[bytes]:
        shown = 0
        while True:
            with self._news:
                while self._number <= shown and not self._has_ended:
                    self._news.wait()
                if self._has_ended:
                    return
                jpeg, shown = self._jpeg, self._number
            yield jpeg


@contextmanager
def live_page() -> Iterator[LivePage]:
    """Serve the live picture as long as the context lasts."""
    page = LivePage()
    try:
        yield page
    finally:
        page.close()
