"""Reading and rewriting the records of a copied data root."""

from __future__ import annotations

import json
from pathlib import Path

from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS

TRAIN = SPLIT_FOLDERS["train"]


def records_of(root: Path) -> list[dict]:
    return json.loads((root / TRAIN / RECORDS_FILE).read_text(encoding="utf-8"))


def write_records(root: Path, records: list[dict]) -> None:
    path = root / TRAIN / RECORDS_FILE
    path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
