"""Limits of connections: how many, and how long one may take to send the head of a request."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 128
HEAD_S = 10.0


class LimitedConnection(H11Protocol):
    """An HTTP/1.1 connection of a server that many idle or slow connections cannot block.

    Over `MOST_CONNECTIONS` the connection that has waited longest without a request is closed in
    favour of the new one; where all are at work, the new one is closed. A head of a request that
    is not complete after `HEAD_S` seconds closes its connection.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*args, **kwargs)
        self._waits_since = 0.0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place among the connections, or that of an idle one."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) <= MOST_CONNECTIONS:
            return
        idle = [
            one
            for one in self.connections
            if isinstance(one, LimitedConnection) and one is not self and one._head_timer
        ]
        oldest = min(idle, key=lambda one: one._waits_since, default=self)
        # The loss is reported later; until then others may come, which must choose another.
        self.connections.discard(oldest)
        oldest._stop_timer()
        oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; the clock runs while no request is at work, whatever trickles in."""
        super().data_received(data)
        if self._is_at_work():
            self._stop_timer()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self._is_at_work() and not self.transport.is_closing():
            self._wait_for_head()

    def _is_at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._stop_timer()
        self._waits_since = self.loop.time()
        self._head_timer = self.loop.call_later(HEAD_S, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
