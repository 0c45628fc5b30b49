"""The addresses that the page calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from qevd_bio.errors import UsageError
from qevd_bio.review.edit_check import edit_problems
from qevd_bio.review.filters import Filters
from qevd_bio.review.guidelines import guidelines
from qevd_bio.review.media import MIME_TYPES
from qevd_bio.review.queue import QueueItem
from qevd_bio.review.server.answers import (
    Review,
    item_answer,
    progress_answer,
    session_answer,
)
from qevd_bio.review.server.bodies import json_body
from qevd_bio.review.server.joint_routes import JointRoutes
from qevd_bio.review.server.pages import page_response, static_response
from qevd_bio.review.skeleton_view import skeleton_view
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey


class Routes:
    """Handlers of one review; those that read files or the store run in threads.

    An item is named by its id, which is looked up among the known ones: nothing that a client
    sends becomes part of a path.
    """

    def __init__(self, review: Review) -> None:
        self.review = review

    def all(self) -> list[BaseRoute]:
        """List the routes."""
        return [
            Route("/", self.page),
            Route("/static/{name}", static_response),
            Route("/api/session", self.session),
            Route("/api/next", self.next_item),
            Route("/api/previous", self.previous_item),
            Route("/api/item/{item_id}", self.one_item),
            Route("/api/progress", self.progress),
            Route("/api/skeleton/{item_id}", self.skeleton),
            Route("/media/{item_id}", self.media),
            Route("/api/check-edit", self.check_edit, methods=["POST"]),
            Route("/api/verdict", self.verdict, methods=["POST"]),
            Route("/api/undo", self.undo, methods=["POST"]),
            *JointRoutes(self.review, self._known).all(),
        ]

    def page(self, request: Request) -> Response:
        """Answer with the page."""
        return page_response(self.review.source.name, request.state.annotator)

    def session(self, request: Request) -> Response:
        """Say who reviews what, with reasons, guidelines and filters."""
        return JSONResponse(session_answer(self.review, request.state.annotator, guidelines()))

    def next_item(self, request: Request) -> Response:
        """Answer with the next open item; ``after`` names the one before it."""
        filters, after = self._query(request, "after")
        who = request.state.annotator
        return self._item(request, filters, self.review.state.next_item(who, filters, after))

    def previous_item(self, request: Request) -> Response:
        """Answer with the item before another one, judged or not."""
        filters, before = self._query(request, "before")
        who = request.state.annotator
        found = self.review.state.previous_item(who, filters, before)
        return self._item(request, filters, found)

    def one_item(self, request: Request) -> Response:
        """Answer with an item."""
        filters, _ = self._query(request, "")
        return self._item(request, filters, self.review.state.item(self._key(request)))

    def progress(self, request: Request) -> Response:
        """Count what is judged."""
        filters, _ = self._query(request, "")
        return JSONResponse(progress_answer(self.review, request.state.annotator, filters))

    def skeleton(self, request: Request) -> Response:
        """Answer with the points of the skeleton around an item."""
        return JSONResponse(skeleton_view(self.review.source, self._key(request)))

    def media(self, request: Request) -> Response:
        """Send the video of an item, or the part of it that is asked for."""
        path = self.review.source.media(self._key(request))
        if path is None or not path.is_file():
            raise HTTPException(404, "the video is not here")
        kind = MIME_TYPES.get(path.suffix.lower(), "application/octet-stream")
        return FileResponse(path, media_type=kind, headers={"Cache-Control": "private, no-cache"})

    async def check_edit(self, request: Request) -> Response:
        """Find the reasons to refuse an edit."""
        body = await json_body(request)
        key, text = self._known(_text(body, "item")), _text(body, "text")

        problems = await run_in_threadpool(edit_problems, self.review.source, key, text)
        return JSONResponse({"problems": problems})

    async def verdict(self, request: Request) -> Response:
        """Store a verdict; the answer comes after it is on the disk."""
        body = await json_body(request)
        event = VerdictEvent(
            event_id=_text(body, "event_id"),
            annotator=request.state.annotator,
            key=self._known(_text(body, "item")),
            judged=_text(body, "judged"),
            verdict=_text(body, "verdict"),  # type: ignore[arg-type]  # the store checks it
            text=_text(body, "text", ""),
            reason=_text(body, "reason", ""),
            note=_text(body, "note", ""),
            seconds=body.get("seconds", 0.0),
            adjudication=body.get("adjudication", False),
        )
        await run_in_threadpool(self.review.state.add, event)
        return await run_in_threadpool(self.progress, request)

    async def undo(self, request: Request) -> Response:
        """Take the annotator's newest verdict back, and answer with its item."""
        body = await json_body(request)
        filters, _ = self._query(request, "")

        def undone() -> Response:
            state = self.review.state
            found = state.undo(request.state.annotator, _text(body, "event_id"))
            return self._item(request, filters, None if found is None else state.item(found.key))

        return await run_in_threadpool(undone)

    def _item(self, request: Request, filters: Filters, item: QueueItem | None) -> Response:
        return JSONResponse(item_answer(self.review, request.state.annotator, filters, item))

    def _key(self, request: Request) -> ItemKey:
        return self._known(request.path_params["item_id"])

    def _known(self, item_id: str) -> ItemKey:
        try:
            return self.review.state.key_of(item_id)
        except UsageError as error:
            raise HTTPException(404, str(error)) from error

    def _query(self, request: Request, place: str) -> tuple[Filters, ItemKey | None]:
        """Read the filters, and the item that the parameter `place` names."""
        query = dict(request.query_params)
        named = query.pop(place, "") if place else ""
        return Filters.from_query(query), self._known(named) if named else None


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} is no text")
    return value
