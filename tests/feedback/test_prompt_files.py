"""The language data: what ships is valid, and damage is named."""

from __future__ import annotations

import copy
import json
import re

import pytest

from qevd_bio.assets import asset_path
from qevd_bio.errors import RuleError
from qevd_bio.feedback.clauses import clauses, compile_pattern
from qevd_bio.feedback.prompt_files import (
    PROMPT_FILES,
    check_prompt,
    load_prompt,
    prompt_digests,
)


@pytest.mark.parametrize("name", PROMPT_FILES)
def test_shipped_files_are_valid_versioned_and_cited(name):
    content = load_prompt(name)
    assert content["version"] >= 1
    assert "supplementary" in content["citation"]
    assert re.fullmatch("[0-9a-f]{64}", prompt_digests()[f"prompt:{name}"])


@pytest.mark.parametrize(
    ("name", "path", "value", "named"),
    [
        ("kinds.lexicon.json", ["patterns", 0, "weight"], 2, "weight"),
        ("kinds.lexicon.json", ["patterns", 0, "kind"], "praise", "kind"),
        ("kinds.lexicon.json", ["words", "body"], [], "body"),
        ("kinds.lexicon.json", ["schema_version"], 1, "schema_version"),
        ("cues.lexicon.json", ["entries", 0, "direction"], "up", "direction"),
        ("cues.lexicon.json", ["entries", 0, "colour"], "red", "colour"),
        ("sentences.json", ["quantities", "knee_flexion", "term"], "", "term"),
        ("sentences.json", ["forms", "target"], 5, "target"),
    ],
    ids=lambda value: str(value),
)
def test_a_damaged_file_is_named_with_its_key(name, path, value, named):
    schema = json.loads(asset_path("prompts", PROMPT_FILES[name]).read_text(encoding="utf-8"))
    damaged = copy.deepcopy(load_prompt(name))
    place = damaged
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(RuleError, match=f"x.json key.*{named}"):
        check_prompt(damaged, schema, where="prompts/x.json")


def test_ids_are_unique():
    for name, key in (("kinds.lexicon.json", "patterns"), ("cues.lexicon.json", "entries")):
        ids = [entry["id"] for entry in load_prompt(name)[key]]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("pattern", "cause"),
    [("<nowhere>", "no word list"), ("(", "malformed")],
)
def test_faulty_patterns_are_named(pattern, cause):
    with pytest.raises(RuleError, match=cause):
        compile_pattern(pattern, {"words": {}, "fragments": {}}, where="prompts/x.json p")


def test_words_match_whole_words_only():
    lexicon = {"words": {"limb": ["arm", "arms"]}, "fragments": {}}
    pattern = compile_pattern("<limb>", lexicon, where="x")
    assert pattern.search("your arms")
    assert not pattern.search("charming armada")


def test_clauses_are_folded_and_split_at_contrasts():
    text = "Looking GOOD but don’t stop! Knees\u00a0up — now"
    assert clauses(text) == ("looking good", "don't stop", "knees up", "now")
