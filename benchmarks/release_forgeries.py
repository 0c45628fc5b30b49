"""Consistent forgeries of a release, and which of them `verify` finds; by class.

python -m benchmarks.release_forgeries RELEASE [NAME_PART]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from qevd_bio.verify.release import verify_release
from tests.verify.forged_descriptions import DESCRIPTIONS, seal
from tests.verify.forger import Forger
from tests.verify.forgeries import FORGERIES
from tests.verify.forgery import Forgery

_IMPOSSIBLE = (
    StopIteration, ValueError, AssertionError, KeyError, NotImplementedError, TypeError,
)  # fmt: skip
DESCRIPTION = "description"
"""Class of the forgeries of what is no row."""


def forge(copy: Path, one: Forgery) -> None:
    """Change a copy of a release and make all else agree."""
    if one.kind == DESCRIPTION:
        DESCRIPTIONS[one.name](copy)
        seal(copy)
        return
    forger = Forger(copy)
    one.change(forger)
    forger.seal()


def main(release: Path, wanted: str = "") -> None:
    """Forge copies of a release one by one and verify each."""
    honest = verify_release(release)
    print(f"honest: {dict(honest.counts) or 'no issue'}; not checked: {honest.unchecked}")
    found: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    described = [Forgery(DESCRIPTION, name, lambda forger: None) for name in DESCRIPTIONS]
    for one in [*FORGERIES, *described]:
        if wanted not in f"{one.kind}: {one.name}":
            continue
        with tempfile.TemporaryDirectory() as home:
            copy = Path(shutil.copytree(release, Path(home) / release.name))
            try:
                forge(copy, one)
            except (
                StopIteration,
                ValueError,
                AssertionError,
                KeyError,
                NotImplementedError,
                TypeError,
            ) as error:
                print(f"not possible on this release: {one.kind}: {one.name} ({error!r})")
                continue
            start = time.process_time()
            verdict = verify_release(copy)
            took = time.process_time() - start
        tried[one.kind] += 1
        found[one.kind] += not verdict.sound
        word = "MISSED" if verdict.sound else "found"
        first = next((f"{i.kind} {i.where}: {i.cause}" for i in verdict.issues), one.missed)
        counts = dict(verdict.counts)
        print(f"{word} {took:.1f} s | {one.kind}: {one.name} | {counts} | {first[:200]}")
    print("\n| class | tried | found |\n|---|---:|---:|")
    for kind, count in tried.items():
        print(f"| {kind} | {count} | {found[kind]} |")
    print(f"| all | {tried.total()} | {found.total()} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
