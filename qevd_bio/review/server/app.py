"""The web application of a review."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from qevd_bio.errors import EnvironmentProblem, QevdBioError, UsageError
from qevd_bio.review.server.access import Access
from qevd_bio.review.server.answers import Review
from qevd_bio.review.server.gate import Gate
from qevd_bio.review.server.routes import Routes


def review_app(review: Review, access: Access, hosts: Iterable[str]) -> Starlette:
    """Make the application.

    Parameters
    ----------
    review : Review
        What is reviewed.
    access : Access
        Who may use it.
    hosts : iterable of str
        Every ``Host`` under which it is reached, with its port.
    """
    return Starlette(
        routes=Routes(review).all(),
        middleware=[Middleware(Gate, access=access, hosts=tuple(hosts))],
        exception_handlers={HTTPException: _refused, QevdBioError: _failed},
    )


def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": getattr(error, "detail", "")}, status)


def _failed(_: Request, error: Exception) -> Response:
    """Answer with the cause: 422 to a wrong request, 503 while the store cannot be used."""
    if isinstance(error, EnvironmentProblem):
        return JSONResponse({"error": str(error)}, 503, {"Retry-After": "1"})
    return JSONResponse({"error": str(error)}, 422 if isinstance(error, UsageError) else 500)
