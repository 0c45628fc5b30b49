"""The page's own files: its HTML and what lies in `static/`."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from qevd_bio.files.templates import render

PACKAGE = "qevd_bio.review.server"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def page_response(source: str, annotator: str) -> Response:
    """Fill the page; the items come later as JSON."""
    page = render(PACKAGE, "review.html", source=source, annotator=annotator)
    return Response(page, media_type="text/html")


def static_response(request: Request) -> Response:
    """Answer with a file of `static/`: one of a fixed list, never a path of the client's."""
    found = _static().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404, "no such file")
    content, media_type, tag = found
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


@cache
def _static() -> dict[str, tuple[bytes, str, str]]:
    found = {}
    for entry in files(PACKAGE).joinpath("static").iterdir():
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in _TYPES:
            content = entry.read_bytes()
            found[entry.name] = (
                content,
                _TYPES[suffix],
                f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            )
    return found
