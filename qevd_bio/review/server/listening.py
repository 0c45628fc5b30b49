"""Where the server listens, and what answers there."""

from __future__ import annotations

import ipaddress
import socket

import uvicorn
from starlette.types import ASGIApp

from qevd_bio.errors import UsageError
from qevd_bio.review.server.connections import LimitedConnection

LOOPBACK = "127.0.0.1"
_BACKLOG = 256


def listening_socket(host: str, port: int) -> socket.socket:
    """Open the socket of a server; connections wait in it until the server runs.

    Parameters
    ----------
    host : str
        One address or name of this machine. Addresses that stand for all of them are refused:
        the check of the ``Host`` header needs the name that annotators type.
    port : int
        0 for any free one.

    Raises
    ------
    UsageError
        The host is no address of this machine, or the port is taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _bad(host, port, f"is no address ({error})") from error
    family, kind, protocol, _, address = found[0]
    if ipaddress.ip_address(str(address[0]).partition("%")[0]).is_unspecified:
        raise _bad(host, port, "stands for every address of the machine")
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise _bad(host, port, f"cannot be listened on ({error.strerror})") from error
    return opened


def host_names(host: str, opened: socket.socket) -> list[str]:
    """List the values of the ``Host`` header under which a server is reached, the usual first."""
    port = opened.getsockname()[1]
    names = [host, "localhost"] if host == LOOPBACK else [host.lower()]
    return [f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names]


def http_server(app: ASGIApp) -> uvicorn.Server:
    """Make the server; ``run(sockets=[...])`` answers until the process is asked to stop."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=LimitedConnection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )


def _bad(host: str, port: int, cause: str) -> UsageError:
    return UsageError(
        cause,
        where=f"--host {host} --port {port}",
        next_step="Give an address or name of this machine that annotators type, and a free port",
    )
