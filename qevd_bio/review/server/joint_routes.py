"""The addresses of the joint chips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from qevd_bio.annotate.joint_review import ReviewedJoints
from qevd_bio.review.joint_chips import joint_chips
from qevd_bio.review.server.answers import Review
from qevd_bio.review.server.bodies import json_body
from qevd_bio.verdicts.item_key import ItemKey


class JointRoutes:
    """Handlers for the joints of segments; `known` looks an item up by its id."""

    def __init__(self, review: Review, known: Callable[[str], ItemKey]) -> None:
        self._review = review
        self._known = known

    def all(self) -> list[BaseRoute]:
        """List the routes."""
        return [
            Route("/api/joints/{item_id}", self.chips),
            Route("/api/joints", self.decide, methods=["POST"]),
        ]

    def chips(self, request: Request) -> Response:
        """Answer with the joints of an item's segment; null where none were asked for."""
        key = self._known(request.path_params["item_id"])
        return self._answer(request, key)

    async def decide(self, request: Request) -> Response:
        """Store the joints as the annotator left them; the answer comes after they are on disk."""
        body = await json_body(request)
        key = self._known(_text(body, "item"))
        names = body.get("joints")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise HTTPException(400, "joints is no list of texts")

        def decided() -> Response:
            joints, row = self._review.joints, self._review.source.row(key)
            if joints is None or row["segment_index"] is None:
                raise HTTPException(404, "no joints are reviewed here")
            joints.add(
                ReviewedJoints(
                    _text(body, "event_id"),
                    request.state.annotator,
                    row["video_id"],
                    row["segment_index"],
                    tuple(names),
                )
            )
            return self._answer(request, key)

        return await run_in_threadpool(decided)

    def _answer(self, request: Request, key: ItemKey) -> Response:
        row = self._review.source.row(key)
        chips = joint_chips(self._review.joints, row, request.state.annotator)
        return JSONResponse({"chips": chips})


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} is no text")
    return value
