"""Messages between supervisor and worker: small JSON objects over a pipe; nothing is pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

Message = Mapping[str, Any]


def send_message(channel: Connection, message: Message) -> None:
    """Send a message; raises OSError when the other end is gone."""
    channel.send_bytes(json.dumps(message).encode())


def receive_message(channel: Connection) -> Message | None:
    """Wait for the next message; None when the other end is gone."""
    try:
        message: Message = json.loads(channel.recv_bytes())
    except (EOFError, OSError):
        return None
    return message
