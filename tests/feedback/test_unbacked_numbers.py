"""The checker must find each kind of wrong number."""

from __future__ import annotations

import pytest

from qevd_bio.feedback.numbers import unbacked_numbers, unbacked_pose
from tests.feedback.made_findings import finding, knee, lean, still, uneven

SHALLOW = finding(measured=85.2)


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        pytest.param(
            "Knee flexion 85° (target: 90°). Increase knee flexion by 5° at the bottom phase.",
            [],
            id="all backed",
        ),
        pytest.param("Knee flexion 86° (target: 90°).", ["86"], id="wrong measured"),
        pytest.param("Knee flexion 85°. Increase knee flexion by 6°.", ["6"], id="wrong amount"),
        pytest.param("Knee flexion 85°. Increase knee flexion by 85°.", ["85"], id="by measured"),
        pytest.param("Knee flexion 85°. Increase knee flexion by 90°.", ["90"], id="by target"),
        pytest.param("Knee flexion 85°. Reduce knee flexion by 5°.", ["5"], id="wrong direction"),
        pytest.param("Knee flexion 90° (target: 85°).", ["90", "85"], id="exchanged"),
        pytest.param("Knee flexion 5° (target: 90°).", ["5"], id="deviation as measured"),
        pytest.param("Knee flexion 85° (target: 90.4°).", ["90.4"], id="rounded target"),
        pytest.param("Knee flexion 84.9°.", ["84.9"], id="false precision"),
        pytest.param("Knee flexion 85 s.", ["85"], id="wrong unit"),
        pytest.param("Knee flexion 85.", ["85"], id="no unit"),
        pytest.param("Knee flexion 85.2°, x2 faster", ["2"], id="glued to a letter"),
        pytest.param("Knee flexion 85° (target: 90-95°)", ["95"], id="range"),
        pytest.param("Knee flexion 85°. Do 10 more.", ["10"], id="repetitions"),
        pytest.param("Knee flexion 85°. Do two more.", ["two"], id="in words"),
        pytest.param("Knee flexion -85°", ["-85"], id="wrong sign"),
        pytest.param("Hip flexion 85°.", ["85"], id="another quantity"),
        pytest.param("Knee angle variance 85°.", ["85"], id="value as variance"),
        pytest.param("85° (target: 90°).", ["85", "90"], id="of nothing"),
        pytest.param("Knee flexion 85-85°.", ["85"], id="range as measured"),
        pytest.param("Knee flexion \u201385°", ["\u201385"], id="en dash"),
        pytest.param("Knee flexion 85°². ½ of it.", ["²", "½"], id="small digits"),
        pytest.param("Knee flexion 85° once", ["once"], id="once"),
        pytest.param(
            "Knee flexion 85°. Reduce nothing, increase it by 5°.", [], id="the last verb counts"
        ),
        pytest.param("Good form!", [], id="no number"),
    ],
)
def test_numbers_without_a_finding_are_caught(text, caught):
    assert unbacked_numbers(text, [SHALLOW]) == caught


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        pytest.param("Knee flexion right 80°, left 70° (target: 90°).", [], id="each its own"),
        pytest.param("Knee flexion right 70°, left 80°.", ["70", "80"], id="sides exchanged"),
        pytest.param("Right knee flexion 70°.", ["70"], id="wrong side in the name"),
        pytest.param("Knee flexion by 10° (right) and 20° (left).", [], id="amounts"),
        pytest.param(
            "Knee flexion by 20° (right) and 10° (left).", ["20", "10"], id="amounts exchanged"
        ),
        pytest.param(
            "Right knee flexion 80°. Bend the left knee: increase knee flexion by 10°.",
            ["10"],
            id="wrong side in the instruction",
        ),
        pytest.param(
            "Right knee flexion 80° (target: < 90°).", ["90"], id="other side of the target"
        ),
        pytest.param("Right knee flexion 80° (target: 90-120°).", [], id="interval"),
        pytest.param(
            "Right knee flexion 80° (target: 120-90°).", ["120", "90"], id="interval exchanged"
        ),
        pytest.param("Knee flexion 80° right, 70° left.", [], id="side after the number"),
        pytest.param("Knee flexion 70° right.", ["70"], id="wrong side after the number"),
        pytest.param("Trunk forward lean 23° from vertical (target: < 15°).", [], id="lean"),
        pytest.param("Knee flexion 23°.", ["23"], id="the number of another finding"),
    ],
)
def test_every_number_belongs_to_its_quantity_and_side(text, caught):
    assert unbacked_numbers(text, [knee(80.0, "r"), knee(70.0, "l"), lean(23.0)]) == caught


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("Right knee flexion 20° less than left (target: at most 10° apart).", []),
        ("Right knee flexion 20° more than left (target: at most 10° apart).", ["20"]),
        ("Right knee flexion 20° less than right (target: at most 10° apart).", ["20"]),
        ("Right knee flexion 20° (target: at most 10° apart).", ["20"]),
        ("Left knee flexion 20° less than right (target: at most 10° apart).", ["20", "10"]),
        ("Right knee flexion 20° less than left (target: at most 0° apart).", ["0"]),
        ("Right knee flexion 20° less than left (target: 10°).", ["10"]),
        ("Right knee flexion 20° less than left. Increase left knee flexion by 10°.", ["10"]),
        ("Right knee flexion 20° less than left. Reduce right knee flexion by 10°.", ["10"]),
    ],
    ids=str,
)
def test_a_symmetry_names_the_side_that_falls_short(text, caught):
    assert unbacked_numbers(text, [uneven(-20.0)]) == caught


def test_a_value_is_no_difference_of_sides():
    assert unbacked_numbers("Right knee flexion 80° less than left.", [knee(80.0, "r")]) == ["80"]


def test_negative_bounds_are_numbers_too():
    assert unbacked_numbers("trunk forward lean (target: -10 to 15°)", [lean(23.0)]) == []
    assert unbacked_numbers("trunk forward lean (target: 10 to 15°)", [lean(23.0)]) == ["10"]


def test_a_number_word_of_the_rule_is_no_invention():
    made = still("hip_flexion", "hip", 8.0, "Press both hands into two points")
    text = "Hip angle variance 8° (target: < 5°). Press both hands into two points."
    assert unbacked_numbers(text, [made]) == []


def test_nothing_backs_a_number_without_findings():
    assert unbacked_numbers("Knee flexion 85° and 5", []) == ["85", "5"]


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("Pose state: right knee flexion 85°.", []),
        ("Pose state: right hip flexion 85°.", ["right hip flexion 85°"]),
        ("Pose state: left knee flexion 85°.", ["left knee flexion 85°"]),
        ("Pose state: right knee flexion 84°.", ["right knee flexion 84°"]),
    ],
    ids=str,
)
def test_a_pose_angle_is_of_its_joint_and_side(text, caught):
    assert unbacked_pose(text, [("knee_angle_r", 85.2)]) == caught
