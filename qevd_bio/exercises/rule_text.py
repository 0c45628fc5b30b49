"""The record of a rule as the text of its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qevd_bio.exercises.parse import COMMENT

_WIDTH = 100


def rule_text(record: Mapping[str, Any]) -> str:
    """Write the record of a rule, with its comments, as JSON that people can read and edit."""
    return _laid_out(dict(record), 0) + "\n"


def _laid_out(value: Any, indent: int) -> str:  # noqa: ANN401 - JSON
    """Write JSON with short lists and objects on one line."""
    line = json.dumps(value, ensure_ascii=False)
    has_comment = isinstance(value, dict) and any(key.startswith(COMMENT) for key in value)
    if not isinstance(value, dict | list) or not (has_comment or indent + len(line) > _WIDTH):
        return line
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_laid_out(one, indent + 2)}" for key, one in value.items()]
    else:
        parts = [_laid_out(one, indent + 2) for one in value]
    rows = parts[:1]
    for part in parts[1:]:
        if has_comment or "}" in part or indent + len(rows[-1]) + len(part) > _WIDTH:
            rows.append(part)
        else:
            rows[-1] += f", {part}"
    inside = f",\n{' ' * (indent + 2)}".join(rows)
    return f"{line[0]}\n{' ' * (indent + 2)}{inside}\n{' ' * indent}{line[-1]}"
