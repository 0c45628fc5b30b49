"""What the review page costs with 20,000 sentences: first page, next item, verdict, memory.

Run ``python -m benchmarks.review_server``; needs a Chromium, no recordings.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from qevd_bio.review.queue import ReviewState, queue_items
from qevd_bio.review.server.answers import Review
from qevd_bio.review.server.app import review_app
from qevd_bio.review.server.listening import http_server
from qevd_bio.review.server.serving import open_door
from qevd_bio.verdicts.store import VerdictStore
from tests.review.large_source import large_source

WARM = 20


def serve(home: Path, answer: Connection) -> None:
    """Serve 20,000 sentences, and tell how long the queue took and where the page is."""
    source = large_source(home)
    begin = time.perf_counter()
    state = ReviewState(queue_items(source), VerdictStore(home / "verdicts.sqlite"))
    ready_s = time.perf_counter() - begin
    door = open_door(["anna"])
    answer.send((len(state.items), ready_s, door.addresses["anna"]))
    app = review_app(Review(source, state), door.access, door.hosts)
    http_server(app).run(sockets=[door.opened])


def anonymous_mb(pid: int) -> float:
    """Memory of a process that belongs to no file."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines["RssAnon"].split()[0]) / 1024


def processor_s(pid: int) -> float:
    """Time that a process has computed; other processes do not lengthen it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(page: Any, address: str, pid: int, items: int) -> dict[str, float]:
    """Open the page and accept items by key; times as the annotator sees them."""
    begin = time.perf_counter()
    page.goto(address)
    page.wait_for_function("() => document.getElementById('review')?.hidden === false")
    first_s = time.perf_counter() - begin
    page.wait_for_timeout(1_000)
    # From the key to the next item on the screen, timed inside the page.
    next_item = """async () => {
      const before = location.hash;
      await new Promise((done) => setTimeout(done, 250));
      const begin = performance.now();
      document.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}));
      while (location.hash === before) await new Promise((done) => requestAnimationFrame(done));
      await new Promise((done) => requestAnimationFrame(done));
      return performance.now() - begin;
    }"""
    times_ms, memory_mb = [], []
    for number in range(items):
        if number == WARM:
            computed_s = processor_s(pid)
        times_ms.append(page.evaluate(next_item))
        memory_mb.append(anonymous_mb(pid))
    computed_s = processor_s(pid) - computed_s
    warm = sorted(times_ms[WARM:])
    return {
        "first page, s": first_s,
        "next item, median ms": statistics.median(warm),
        "next item, 95 % ms": warm[int(0.95 * len(warm))],
        "processor time of the server for an item, ms": 1000 * computed_s / len(warm),
        f"memory after {WARM} items, MB": memory_mb[WARM - 1],
        f"memory after {items // 2} items, MB": memory_mb[items // 2],
        f"memory after {items} items, MB": memory_mb[-1],
    }


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--items", type=int, default=200, help="judged; more than twice 20")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        receive, send = multiprocessing.Pipe(duplex=False)
        server = multiprocessing.get_context("spawn").Process(
            target=serve, args=(Path(home), send)
        )
        server.start()
        sentences, ready_s, address = receive.recv()
        assert server.pid is not None
        browser = driver.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        figures = measured(page, address, server.pid, given.items)
        browser.close()
        server.kill()
        server.join()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.python_version()}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(f"sentences: {sentences}\nqueue, s: {ready_s:.2f}")
    for name, value in figures.items():
        print(f"{name}: {value:.2f}")


if __name__ == "__main__":
    main()
