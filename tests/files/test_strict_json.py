from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import dump_json, parse_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS.filter(lambda value: not isinstance(value, float) or math.isfinite(value)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=VALUES, indent=st.sampled_from([None, 1]))
def test_what_is_written_is_read_back(value, indent):
    text = dump_json(value, where="x", indent=indent)
    assert text.isascii()
    again = parse_json(text, where="x")
    assert again == value
    assert dump_json(again, where="x", indent=indent) == text


@pytest.mark.parametrize(
    "text, cause",
    [
        ("", "line 1 column 1"),
        ('{\n "a": 1,\n "b" 2}', "line 3 column 6"),
        ('{"a": 1} {"a": 2}', "Extra data"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ('{"a": 1e999}', "1e999 is out of range"),
        ('{"a": {"b": 1, "b": 1}}', "key 'b' is given twice"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 10_000, "malformed JSON"),
    ],
    ids=["empty", "syntax", "two", "nan", "infinity", "overflow", "twice", "deep", "long"],
)
def test_bad_json_is_refused_with_its_place(text, cause):
    with pytest.raises(DataError, match=cause) as caught:
        parse_json(text, where="records.json")
    assert caught.value.where == "records.json"


@pytest.mark.parametrize(
    "value", [math.nan, {"a": [math.inf]}, {"a": {1, 2}}, object()], ids=["nan", "inf", "set", "o"]
)
def test_what_is_no_json_is_not_written(value):
    with pytest.raises(DataError, match="cannot be written as JSON"):
        dump_json(value, where="notes")


def test_value_that_holds_itself_is_not_written():
    value: list = []
    value.append(value)
    with pytest.raises(DataError):
        dump_json(value, where="notes")
