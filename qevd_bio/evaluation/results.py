"""Results of an evaluation on disk: one JSON report and one Parquet table each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.tables.parquet import rows_table, write_parquet


def write_results(
    folder: Path,
    name: str,
    report: Mapping[str, JsonValue],
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema,
) -> tuple[Path, Path]:
    """Write ``NAME.json`` and ``NAME.parquet``, each whole or not at all; return their paths.

    Equal results give equal bytes.
    """
    table, summary = folder / f"{name}.parquet", folder / f"{name}.json"
    write_parquet(rows_table(rows, schema), table)
    write_text_atomic(summary, dump_json(report, where=str(summary), indent=1) + "\n")
    return summary, table
