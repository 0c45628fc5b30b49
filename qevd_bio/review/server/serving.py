"""Serving a review: addresses for the annotators, and what they open."""

from __future__ import annotations

import getpass
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.review.server.access import Access, new_token
from qevd_bio.review.server.answers import Review
from qevd_bio.review.server.app import review_app
from qevd_bio.review.server.gate import TOKEN
from qevd_bio.review.server.listening import (
    LOOPBACK,
    host_names,
    http_server,
    listening_socket,
)
from qevd_bio.review.server.token_file import tokens_of
from qevd_bio.verdicts.event import is_annotator


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server is reached.

    Attributes
    ----------
    opened : socket
        Listens already.
    hosts : tuple of str
        Values of the ``Host`` header, the usual first.
    access : Access
        Tokens and sessions.
    addresses : dict of annotator to str
        What each annotator opens.
    """

    opened: socket.socket
    hosts: tuple[str, ...]
    access: Access
    addresses: dict[str, str]


def open_door(
    annotators: Sequence[str],
    *,
    host: str = LOOPBACK,
    port: int = 0,
    token_file: Path | None = None,
) -> Door:
    """Listen, and make an address for each annotator.

    Raises
    ------
    UsageError
        Another host than the loopback address without a token file; an annotator is named twice;
        as for `listening_socket` and `tokens_of`.
    """
    if host != LOOPBACK and token_file is None:
        raise UsageError(
            "other machines would reach the page",
            where=f"--host {host}",
            next_step="Give --token-file FILE with a secret for each annotator; it is made if "
            "absent",
        )
    names = list(annotators) or [getpass.getuser()]
    if len(set(names)) != len(names):
        raise UsageError(
            "is given twice", where="--annotator", next_step="Give every annotator a name"
        )
    for name in names:
        if not is_annotator(name):
            raise UsageError(
                f"is {name[:80]!a}",
                where="--annotator",
                next_step="Use up to 64 letters, digits, spaces and . _ @ -",
            )
    kept = None if token_file is None else tokens_of(token_file, names)
    tokens = kept or {name: new_token() for name in names}
    opened = listening_socket(host, port)
    hosts = tuple(host_names(host, opened))
    return Door(
        opened=opened,
        hosts=hosts,
        access=Access(tokens, one_time=kept is None),
        addresses={
            name: f"http://{hosts[0]}/" + ("" if kept else f"?{TOKEN}={token}")
            for name, token in tokens.items()
        },
    )


@dataclass(frozen=True, slots=True)
class Serving:
    """A review behind a door."""

    review: Review
    door: Door

    def notes(self, token_file: Path | None) -> list[str]:
        """Say what is served, and what it opens to whom."""
        review, door = self.review, self.door
        passed = review.state.passed()
        lines = [f"{len(review.state.items)} sentences of {review.source.name}"]
        if review.joints is not None:
            lines.append(f"joints of {len(review.joints.suggested)} segments")
        if passed.threshold is not None:
            lines.append(
                f"{passed.passed} sentences with a certainty of at least {passed.threshold:g} are "
                f"passed; {passed.sampled} more of these are shown ({passed.rate:.0%} at random)"
            )
        if token_file is not None:
            lines += [
                f"Opens to every machine that reaches {door.hosts[0]} and has a token of "
                f"{token_file}: sentences, measurements and videos of {review.source.name}, and "
                f"adding verdicts as {', '.join(door.addresses)}.",
                "What is sent is not encrypted: use it in a network that you trust, or through "
                "ssh -L.",
                f"Each annotator opens the address below with ?{TOKEN}= and the own token.",
            ]
        return lines

    def run(self) -> None:
        """Answer requests until the process is asked to stop."""
        app = review_app(self.review, self.door.access, self.door.hosts)
        sys.stdout.flush()
        try:
            http_server(app).run(sockets=[self.door.opened])
        except KeyboardInterrupt:
            return  # stopped as asked; every verdict is in the store
