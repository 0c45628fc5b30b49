"""Prompt files: what is refused, what is rendered; every shipped prompt can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.assets import asset_path
from qevd_bio.errors import EnvironmentProblem, RuleError, UsageError
from qevd_bio.llm.chat import Message, Picture, Sampling
from qevd_bio.llm.prompt_file import SUFFIX, load_model_prompt, read_model_prompt

GIVEN: dict[str, Any] = {
    "schema_version": 1,
    "id": "grade",
    "version": 3,
    "citation": "ours",
    "slots": {"truth": "quoted", "exercise": "own"},
    "messages": [
        {"role": "system", "text": "You grade."},
        {"role": "user", "text": ["Exercise: {{exercise}}", "Truth: {{truth}}", ""]},
        {"role": "assistant", "text": "Grade:"},
    ],
    "answer": {
        "type": "object",
        "properties": {"grade": {"type": "integer", "minimum": 1, "maximum": 5}},
        "required": ["grade"],
    },
}


def written(folder: Path, name: str = "grade", **changes: Any) -> Path:
    path = folder / f"{name}{SUFFIX}"
    path.write_text(json.dumps(GIVEN | changes), encoding="utf-8")
    return path


def test_a_prompt_is_rendered_with_its_slots_version_and_schema(tmp_path: Path) -> None:
    prompt = read_model_prompt(written(tmp_path))
    picture = Picture("image/png", b"x")
    sampling = Sampling(temperature=0.0, seed=7)
    request = prompt.request(
        "a", {"truth": "{{exercise}}\n<2>", "exercise": "squat"}, sampling, pictures=[picture]
    )
    assert request.messages == (
        Message("system", "You grade."),
        Message(
            "user",
            'Exercise: squat\nTruth: "\\u007b\\u007bexercise\\u007d\\u007d\\n\\u003c2\\u003e"\n',
            (picture,),
        ),
        Message("assistant", "Grade:"),
    )
    assert (request.key, request.prompt_id, request.prompt_version) == ("a", "grade", 3)
    assert request.schema == GIVEN["answer"]
    assert request.sampling == sampling


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"truth": "x"}, "no text for slot exercise"),
        ({"truth": "x", "exercise": "y", "joint": "z"}, "no slot joint"),
        ({"truht": "x", "exercise": "y"}, "no text for slot truth; no slot truht"),
    ],
)
def test_a_missing_or_extra_slot_is_an_error(
    tmp_path: Path, texts: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read_model_prompt(written(tmp_path)).request("a", texts, Sampling())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"citation": ""}, "key citation"),
        ({"version": 0}, "key version"),
        ({"more": 1}, "more"),
        ({"id": "other"}, "key id"),
        ({"slots": {"truth": "quoted"}}, "'exercise'"),
        ({"slots": GIVEN["slots"] | {"side": "own"}}, "'side'"),
        ({"slots": GIVEN["slots"] | {"truth": "raw"}}, "key slots.truth"),
        (
            {"messages": [{"role": "user", "text": "{{truth}}{{exercise}}{{ truth }}"}]},
            "' truth '",
        ),
        ({"messages": [{"role": "system", "text": "{{truth}} {{exercise}}"}]}, "key messages"),
        ({"answer": {"type": "array"}}, "key answer"),
        ({"answer": {"type": "object", "required": 3}}, "key answer"),
    ],
)
def test_a_faulty_file_is_refused_by_its_key(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(RuleError) as raised:
        read_model_prompt(written(tmp_path, **changes))
    assert said in str(raised.value)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / f"grade{SUFFIX}"
    path.write_text('{"id": "grade", "id": "grade"}', encoding="utf-8")
    with pytest.raises(RuleError, match="given twice"):
        read_model_prompt(path)


def test_every_shipped_prompt_can_be_read() -> None:
    for path in asset_path("prompts").glob(f"*{SUFFIX}"):
        assert load_model_prompt(path.name.removesuffix(SUFFIX)).citation


def test_an_unknown_prompt_names_its_file() -> None:
    with pytest.raises(EnvironmentProblem, match=r"no_such\.prompt\.json"):
        load_model_prompt("no_such")
