"""The shipped rules make sense, and files that do not are refused with file and key."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator

from qevd_bio.assets import asset_path
from qevd_bio.errors import RuleError
from qevd_bio.exercises.load import load_rules, read_rule, rule_paths
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.skeleton.measures import CATALOGUE

RULES = load_rules()
SUPPLEMENT_4 = {
    "squat": {"femur", "tibia", "talus", "calcn"},
    "pushup": {"scapula", "humerus", "ulna"},
    "walking_lunges": {"femur", "tibia", "talus"},
    "plank": set(),
}


EXERCISES = {
    "bench_dip", "biceps_curl", "bird_dog", "burpee", "crunch", "deadlift", "front_raise",
    "glute_bridge", "high_knees_march", "hurdle_step", "knee_pushup", "lateral_lunge",
    "lateral_raise", "overhead_press", "pull_up", "sit_to_stand", "sit_up", "split_squat",
    "split_squat_left", "split_squat_right",
    "air_jump_rope", "boxing_squat_punches", "butt_kickers", "deltoid_stretch",
    "deltoid_stretch_left", "deltoid_stretch_right", "floor_touches", "good_mornings",
    "high_knees", "jumping_jack", "lunge_jumps", "mountain_climbers", "moving_plank", "plank",
    "plank_taps", "puddle_jumps", "pushup", "quad_stretch", "quad_stretch_left",
    "quad_stretch_right", "quick_feet", "shoulder_gators", "squat", "squat_jumps", "squat_kicks",
    "standing_kicks", "walking_lunges",
}  # fmt: skip


def test_the_exercises_are_those_of_the_data_set_the_supplement_and_what_people_do():
    assert set(RULES) == EXERCISES


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_joint_is_static_or_dynamic(rule):
    assert sorted(rule.dynamic_joints + rule.static_joints) == sorted(JOINT_NAMES)
    if rule.id in SUPPLEMENT_4:
        assert {joint[:-2] for joint in rule.dynamic_joints} == SUPPLEMENT_4[rule.id]


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_number_has_a_source_or_is_unverified(rule):
    for source in (rule.tempo.source, *(c.source for c in rule.constraints)):
        assert source == "unverified" or source.split()[0] in rule.citations
    sources = [rule.tempo.source, *(c.source for c in rule.constraints)]
    words = {word for source in sources for word in re.findall(r"\w+", source)}
    assert set(rule.citations) <= words, "a citation that nothing cites"


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_citation_states_what_was_read(rule):
    for key, text in rule.citations.items():
        assert key == "supplement" or ("; read: " in text and len(text) > 80)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_the_bounds_of_a_cycle_hold_every_good_tempo(rule):
    for c in rule.constraints:
        if c.check == "tempo":
            assert rule.tempo.shortest_s <= c.target_low - c.tolerance + 1e-9
            assert c.target_high <= rule.tempo.longest_s


@pytest.mark.parametrize(
    "exercise, constraint, low, high",
    [
        ("squat", "depth", 90, None),
        ("squat", "hip_depth", 90, None),
        ("squat", "lumbar_still", 0, 5),
        ("pushup", "lumbar_still", 0, 5),
        ("walking_lunges", "trunk_lean", None, 15),
        ("plank", "hip_still", 0, 5),
    ],
)
def test_the_supplements_thresholds_are_kept(exercise, constraint, low, high):
    found = next(c for c in RULES[exercise].constraints if c.id == constraint)
    assert low is None or found.target_low == low
    assert high is None or found.target_high == high
    assert found.source.startswith("supplement")


MORE, LESS = ("Increase", "Bend", "Widen"), ("Reduce", "Straighten", "Extend", "Narrow")


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_wordings_point_the_way_out_of_the_fault(rule):
    """In the release "straighten" fires on limbs that are too straight."""
    for c in rule.constraints:
        if c.check == "dynamic" and c.measure in ("knee_flexion", "hip_flexion", "elbow_flexion"):
            assert c.too_low.startswith(MORE) and c.too_high.startswith(LESS), c.id


def changed(tmp_path, change):
    record = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    change(record)
    path = tmp_path / "squat.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def set_in(*keys, value):
    def change(record):
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    return change


def drop(*keys):
    def change(record):
        for key in keys[:-1]:
            record = record[key]
        del record[keys[-1]]

    return change


@pytest.mark.parametrize(
    "change, where, cause",
    [
        pytest.param(drop("kind"), "kind", "is missing", id="missing key"),
        pytest.param(set_in("typo", value=1), "typo", "is no key", id="unknown key"),
        pytest.param(set_in("id", value="squad"), "id", "squad", id="other id"),
        pytest.param(set_in("kind", value="static"), "kind", "static", id="unknown kind"),
        pytest.param(
            set_in("joints", "static", value=[]), "joints", "0 times", id="joint missing"
        ),
        pytest.param(
            set_in("joints", "static", value=["neck", *JOINT_NAMES]),
            "joints",
            "no SKEL joint",
            id="unknown joint",
        ),
        pytest.param(
            set_in(
                "phases", value=[{"name": "a", "at": 0.5, "key": True}, {"name": "b", "at": 0}]
            ),
            "phases",
            "order",
            id="phases unsorted",
        ),
        pytest.param(
            set_in("phases", 1, value={"name": "bottom", "at": 0.5}), "phases", "key", id="no key"
        ),
        pytest.param(
            set_in("constraints", 0, "measure", value="kneeflexion"),
            "constraints.depth.measure",
            "kneeflexion_r is no measure",
            id="unknown measure",
        ),
        pytest.param(
            set_in("constraints", 0, "target", value=[120, 90]),
            "constraints.depth.target",
            "above",
            id="target reversed",
        ),
        pytest.param(
            set_in("constraints", 0, "phase", value="top"),
            "constraints.depth.phase",
            "top",
            id="phase",
        ),
        pytest.param(
            set_in("constraints", 0, "side", value="lead"),
            "constraints.depth.side",
            "lead",
            id="side",
        ),
        pytest.param(
            set_in("constraints", 0, "unit", value="ratio"),
            "constraints.depth.unit",
            "deg",
            id="unit",
        ),
        pytest.param(
            set_in("constraints", 0, "source", value="Somebody 1999"),
            "constraints.depth.source",
            "no key of citations",
            id="invented source",
        ),
        pytest.param(
            set_in("representative", "side", value="max"),
            "representative.side",
            "needs an alternating movement or a hold",
            id="side of a symmetric movement",
        ),
        pytest.param(
            set_in("constraints", 0, "too_low", value=None),
            "constraints.depth.too_low",
            "None",
            id="one instruction",
        ),
        pytest.param(
            set_in("constraints", 0, "tolerance", value="5"),
            "constraints.depth.tolerance",
            "'5'",
            id="text for number",
        ),
        pytest.param(
            set_in("constraints", 1, "id", value="depth"), "constraints", "one id", id="ids"
        ),
        pytest.param(
            set_in("tempo_s", "shortest", value=9), "tempo_s", "not below", id="tempo reversed"
        ),
        pytest.param(
            set_in("reference", "keys", 0, "deg", "knee", value=3),
            "reference.keys.0.deg.knee",
            "no DoF",
            id="unknown DoF",
        ),
        pytest.param(
            set_in("reference", "keys", 0, "deg", "knee_angle_r", value=3),
            "reference.keys.0.deg.knee_angle_r",
            "again",
            id="DoF twice",
        ),
        pytest.param(
            set_in("reference", "start_phase", value="up"),
            "reference.start_phase",
            "up",
            id="start phase",
        ),
    ],
)
def test_a_fault_is_reported_with_file_and_key(tmp_path, change, where, cause):
    path = changed(tmp_path, change)
    issues = read_rule(path).issues
    assert all(issue.file == str(path) and issue.next_step for issue in issues)
    assert any(issue.key.startswith(where) and cause in issue.cause for issue in issues), issues


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"id": 1, "id": 2}', b"[]"])
def test_a_file_that_is_no_rule_is_refused(tmp_path, content):
    path = tmp_path / "squat.json"
    path.write_bytes(content)
    read = read_rule(path)
    assert read.rule is None and [issue.file for issue in read.issues] == [str(path)]


def test_all_faults_of_a_file_are_reported_at_once(tmp_path):
    def spoil(record):
        set_in("constraint", value=[])(record)
        drop("posture")(record)
        set_in("kind", value="static")(record)
        set_in("joints", "static", value=["neck"])(record)
        set_in("constraints", 0, "priority", value="urgent")(record)
        set_in("constraints", 1, "measure", value="kneeflexion")(record)
        set_in("constraints", 2, "phase", value="top")(record)
        set_in("tempo_s", "shortest", value=9)(record)
        set_in("reference", "keys", 0, "deg", "knee", value=3)(record)

    issues = read_rule(changed(tmp_path, spoil)).issues
    keys = {issue.key for issue in issues}
    assert keys >= {
        "constraint",
        "posture",
        "kind",
        "joints",
        "constraints.depth.priority",
        "constraints.hip_depth.measure",
        "tempo_s",
        "reference.keys.0.deg.knee",
    }
    # What depends on a refused section waits for it: a phase of a hold may not be 'throughout'.
    assert "constraints.trunk_lean.phase" not in keys
    hint = next(issue.next_step for issue in issues if issue.key == "constraint")
    assert "Did you mean 'constraints'?" in hint


def test_a_comment_may_stand_anywhere(tmp_path):
    def comment(record):
        for one in (record, record["constraints"][0], record["reference"]["keys"][0]["deg"]):
            one["// knee_angle"] = "as the thigh comes up"

    read = read_rule(changed(tmp_path, comment))
    assert read.issues == ()
    assert read.rule.constraints == RULES["squat"].constraints
    schema = json.loads(asset_path("rules", "rule.schema.json").read_text(encoding="utf-8"))
    record = json.loads((tmp_path / "squat.json").read_text(encoding="utf-8"))
    assert Draft202012Validator(schema).is_valid(record)


def own_rule(folder, name, **changes):
    record = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    record.update({"id": name, "title": name, "aliases": []} | changes)
    (folder / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")


def test_rules_of_the_user_add_to_the_shipped_ones_or_replace_them(tmp_path):
    own_rule(tmp_path, "sumo_squat", aliases=["wide squats"])
    own_rule(tmp_path, "plank", version=9)
    rules = load_rules(tmp_path)
    assert list(rules) == sorted([*RULES, "sumo_squat"])
    assert rules["plank"].version == 9 and rules["plank"].kind == "repetitive"
    assert rules["squat"] == RULES["squat"]


def test_two_rules_cannot_share_a_name(tmp_path):
    own_rule(tmp_path, "sumo_squat", aliases=["Air-Squats!"])
    own_rule(tmp_path, "zercher_squat", aliases=["sumo squat"])
    with pytest.raises(RuleError) as error:
        load_rules(tmp_path)
    assert "2 issues" in str(error.value)
    assert "the name 'Air-Squats!' belongs to squat too" in str(error.value)
    assert "the name 'sumo squat' belongs to sumo_squat too" in str(error.value)


@pytest.mark.parametrize("name, cause", [("", "no rule files"), ("none", "no such folder")])
def test_a_folder_without_rules_is_refused(tmp_path, name, cause):
    (tmp_path / "rule.schema.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RuleError, match=cause):
        load_rules(tmp_path / name)
    if not name:
        with pytest.raises(RuleError, match=cause):
            rule_paths([tmp_path])


def test_the_schema_names_every_measure():
    """`rules new` explains a key with the words of the schema."""
    text = asset_path("rules", "rule.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)["$defs"]["constraint"]["properties"]
    named = set(re.findall(r"[a-z]+_[a-z_]+", schema["measure"]["description"]))
    assert named == set(map(sideless, CATALOGUE)) | {"cycle_duration"}


def test_the_digest_is_that_of_the_file():
    import hashlib

    content = asset_path("rules", "squat.json").read_bytes()
    assert RULES["squat"].digest == hashlib.sha256(content).hexdigest()
