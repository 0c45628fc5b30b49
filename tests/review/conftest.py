"""A work folder to review, servers of it, and the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.pipeline.pipeline import reopen_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.review.queue import ReviewState
from qevd_bio.review.server.access import Access
from qevd_bio.review.server.answers import Review
from qevd_bio.review.server.app import review_app
from qevd_bio.review.server.opening import open_review
from tests.made_once import MadeOnce
from tests.review.served import Client, serving
from tests.review.work_made import made_root, moving_squats, run_pipeline

TOKENS = {"anna": "a" * 40, "ben": "b" * 40}


@pytest.fixture(scope="session")
def made_work(made_once: MadeOnce) -> Path:
    """A finished work folder; its data root lies beside it. Never changed."""

    def make(home: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            run_pipeline(made_root(home / "QEVD"), home / "work", moving_squats(0.7), patch)

    return made_once("reviewed", make) / "work"


@pytest.fixture(scope="session")
def made_release(made_work: Path, made_once: MadeOnce) -> Path:
    """A release of `made_work`. Never changed."""

    def make(home: Path) -> None:
        release_from(reopen_pipeline(made_work), out=home, version="1.0.0")

    return made_once("reviewed-release", make) / "1.0.0"


@dataclass
class Served:
    """A review that is served: its parts, and where."""

    review: Review
    port: int
    store: Path

    @property
    def state(self) -> ReviewState:
        return self.review.state

    def address(self, annotator: str = "anna", query: str = "") -> str:
        """What an annotator opens."""
        return f"http://127.0.0.1:{self.port}/?token={TOKENS[annotator]}{query and '&' + query}"

    def client(self, annotator: str = "anna") -> Client:
        """A client with a session."""
        client = Client(self.port)
        assert client.sign_in(TOKENS[annotator]).status == 200
        return client


Serve = Callable[..., Served]


@pytest.fixture
def serve(made_work: Path, tmp_path: Path) -> Iterator[Serve]:
    """Serve a folder until the test ends; tokens can be used again and again."""
    with ExitStack() as stack:

        def served(folder: Path = made_work, **options: Any) -> Served:
            store = tmp_path / options.pop("store_name", "verdicts.sqlite")
            review = open_review(folder, store=store, **{"share": 0.0, **options})

            def app(port: int) -> Any:
                access = Access(TOKENS, one_time=False)
                hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
                return review_app(review, access, hosts)

            return Served(review, stack.enter_context(serving(app)), store)

        yield served


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open an address as a new visitor; an error of the page fails the test.

    With `faulty` requests that fail, which the browser reports too, do not."""
    with ExitStack() as stack:
        faults: list[str] = []

        def opened(address: str, *, faulty: bool = False, **options: Any) -> Any:
            # Without motion the video waits to be played, which leaves the processor to the page.
            usual = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
            given = {**usual, **options}
            context = chromium.new_context(**given)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(45_000)
            page.on("pageerror", lambda error: faults.append(str(error)))
            if not faulty:
                page.on(
                    "console",
                    lambda line: faults.append(line.text) if line.type == "error" else None,
                )
            page.goto(address)
            return page

        yield opened
        assert not faults


def wait_for_item(page: Any, other_than: str | None = None) -> str:
    """Wait until the page shows an item, and return its id."""
    page.wait_for_function(
        "other => document.getElementById('review')?.hidden === false"
        " && location.hash.slice(1) !== other",
        arg=other_than or "",
    )
    return page.evaluate("location.hash.slice(1)")
