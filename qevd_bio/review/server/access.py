"""Who may use the page: tokens in addresses, and the sessions that they open."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping

_MOST_SESSIONS = 1_000


class Access:
    """Tokens and sessions of annotators, in memory only.

    Parameters
    ----------
    tokens : mapping of annotator to token
        One secret for each annotator.
    one_time : bool
        Whether a token opens one session and is then void. Tokens of a token file open more,
        because their annotators cannot see what the server prints.

    Notes
    -----
    Secrets are looked up by their SHA-256, so the time of a comparison tells nothing of them.
    """

    def __init__(self, tokens: Mapping[str, str], *, one_time: bool) -> None:
        self._tokens = {_digest(token): name for name, token in tokens.items()}
        self._one_time = one_time
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def open_session(self, token: str) -> str | None:
        """Exchange a token for the secret of a new session; None if the token is void."""
        key = _digest(token)
        with self._lock:
            find = self._tokens.pop if self._one_time else self._tokens.get
            annotator = find(key, None)
            if annotator is None:
                return None
            secret = new_token()
            self._sessions[_digest(secret)] = annotator
            if len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return secret

    def annotator(self, secret: str) -> str | None:
        """Return whose session a secret is of."""
        with self._lock:
            return self._sessions.get(_digest(secret))


def new_token() -> str:
    """Draw a secret of 256 bits."""
    return secrets.token_urlsafe(32)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
