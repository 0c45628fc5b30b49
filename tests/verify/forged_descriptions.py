"""Forged descriptions: what people read in card and changelog, and keys of the manifest.

They are no rows: the forger writes them behind the sealed release.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.verify.made_release import edit_json, write_sums

CARD, CROISSANT, LOG = "README.md", "croissant.json", "CHANGELOG.md"
Change = Callable[[Path], None]


def text(name: str, pattern: str, new: str) -> Change:
    """Change a text file where a pattern matches; it must."""

    def change(folder: Path) -> None:
        old = (folder / name).read_text(encoding="utf-8")
        changed, count = re.subn(pattern, new, old, count=1)
        assert count and changed != old
        (folder / name).write_text(changed, encoding="utf-8")

    return change


def described(**values: Any) -> Change:
    return lambda folder: edit_json(folder / CROISSANT, lambda found: found | values)


def manifest(change: Callable[[Any], Any]) -> Change:
    return lambda folder: edit_json(folder / "manifest.json", change)


def entry(**values: Any) -> Change:
    return manifest(lambda found: next(iter(found["videos"].values())).update(values))


DESCRIPTIONS: dict[str, Change] = {
    "the licence in the card's YAML": text(CARD, "terms-of-qevd", "cc0-1.0"),
    "the accuracy of the backend": text(CARD, r"\| not measured \|", "| 0.1 degrees |"),
    "an example sentence": text(CARD, r"(\| squat \| [^|]*\| )[^|]*", r"\1Buy protein bars "),
    "the rewritten share": text(CARD, r"utterances \d+\.\d %", "utterances 99.9 %"),
    "a limitation left out": text(CARD, r"- Angles are estimates[^-]*", ""),
    "an advertisement behind the card": text(CARD, r"\Z", "\nVisit https://shop.example\n"),
    "the licence for programs": described(license={"@type": "sc:CreativeWork", "name": "CC0"}),
    "the authors for programs": described(creator={"@type": "sc:Person", "name": "Eve"}),
    "another address for programs": described(sameAs="https://shop.example"),
    "praise in the changelog": text(LOG, r"\Z", "\nAll sentences were checked by experts.\n"),
    "a fix in the newest entry": text(LOG, "- First release.", "- First release.\n- 9 fixes."),
    "a sponsor in the manifest": manifest(lambda found: found.update(sponsor="a shop")),
    "a name in the entry of a video": entry(person="Jane Doe"),
    "a release before it that is none": manifest(
        lambda found: found.update(previous_release={"version": "0.9.0", "sums": "0" * 64})
    ),
    "a release before it that it does not continue": manifest(
        lambda found: found.update(
            previous_release={"version": "0.9.0", "sha256sums_sha256": "0" * 64}
        )
    ),
    "a column for loaders": text(CARD, r"config_name: \"quality\"", 'config_name: "truth"'),
}


def seal(folder: Path) -> None:
    """Make the digests in croissant.json and SHA256SUMS agree."""

    def fresh(found: Any) -> None:
        for one in found["distribution"]:
            path = folder / one.get("contentUrl", "")
            if path.is_file():
                data = path.read_bytes()
                one |= {
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "contentSize": f"{len(data)} B",
                }

    edit_json(folder / CROISSANT, fresh)
    write_sums(folder)


__all__ = ["DESCRIPTIONS", "seal"]
