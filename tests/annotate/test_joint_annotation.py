"""Joints of segments by a scripted model: pictures, passes, agreement, and the file of `run`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qevd_bio.annotate.joint_agreement import cohens_kappa, flags_of, jaccard
from qevd_bio.annotate.joint_annotation import AskedJoints, SegmentJoints, ask_joints
from qevd_bio.annotate.joint_answers import JOINT_WORDS, JointPass, joined, joint_pass, joint_word
from qevd_bio.annotate.joint_report import joint_figures, write_annotation
from qevd_bio.annotate.segment_frames import FrameChoice
from qevd_bio.capture import footage
from qevd_bio.capture.person.upright import Upright
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.load import load_rules
from qevd_bio.llm.chat import Answer, ChatRequest
from qevd_bio.llm.prompt_file import load_model_prompt
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.stages.sessions import Sessions, load_sessions
from tests.annotate.scripted_asker import ScriptedAsker
from tests.capture.video_files import write_video
from tests.pipeline.sessions_made import FRAMES, SPLIT, SQUATS, TIMES_S, record, write_root

LEGS = ["femur_r", "femur_l", "tibia_r", "tibia_l", "talus_r", "talus_l", "lumbar_body"]
LEAN = {"joint": "thorax", "seen": "the chest drops"}
GREY_STEP = 0.5


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Sessions:
    """One session with a film whose frames get brighter, and one whose video is none."""
    root = tmp_path_factory.mktemp("QEVD")
    write_root(root, [record("0200", SQUATS), record("0201", SQUATS)])
    images = [np.full((48, 96, 3), 20 + i * GREY_STEP, dtype=np.uint8) for i in range(FRAMES)]
    write_video(root / SPLIT / "long_range_videos" / "0200.mp4", images)
    return load_sessions(root, load_rules())


@pytest.fixture(autouse=True)
def sideways(monkeypatch: pytest.MonkeyPatch) -> None:
    """The film is found to lie on its side, without a look at it."""
    monkeypatch.setattr(footage, "find_upright", lambda *args, **kwargs: Upright(90, "made up"))


def answered(
    sessions: Sessions, answer: Any, *, passes: int = 2, count: int = 4
) -> tuple[AskedJoints, ScriptedAsker]:
    asker, asked = ScriptedAsker(answer), AskedJoints()
    frames = FrameChoice(count, 96)
    ask_joints(sessions, list(sessions.by_id), asker, frames=frames, passes=passes, into=asked)
    return asked, asker


def grey(jpeg: bytes) -> tuple[tuple[int, int], float]:
    """Size and mean brightness of a picture, by another decoder's frame."""
    with av.open(io.BytesIO(jpeg)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return picture.shape[:2], float(picture.mean())


def test_pictures_are_few_small_upright_and_from_around_the_words(filmed: Sessions) -> None:
    _, asker = answered(filmed, lambda _: {"standard": LEGS, "execution": []}, passes=1)
    squats, zorbing = asker.asked
    pictures = squats.messages[-1].pictures
    assert len(pictures) == 4 and len(zorbing.messages[-1].pictures) == 4
    # "Sink deeper" is said at frame 150, "Lovely!" at 190: half a second before each, and before
    before = TIMES_S[[150, 190]] - 0.5
    due = np.sort([*before, *(TIMES_S[[150, 190]] - 2.0)])
    seen = [grey(one.content) for one in pictures]
    assert {size for size, _ in seen} == {(96, 48)}, "turned by a quarter"
    steps = np.diff([brightness for _, brightness in seen])
    frames = np.searchsorted(TIMES_S, due)
    assert steps == pytest.approx(np.diff(frames) * GREY_STEP, abs=1.5)
    assert seen[0][1] == pytest.approx(20 + frames[0] * GREY_STEP, abs=4.0)
    assert "squats" in squats.messages[-1].text and "zorbing" in zorbing.messages[-1].text


def test_no_picture_is_from_an_announcement(filmed: Sessions) -> None:
    asked, _ = answered(filmed, lambda _: {"standard": LEGS, "execution": []}, count=16)
    squats, zorbing = (one.times_s for one in asked.segments)
    # announced at frames 5 to 16 and 220 to 231, the end at 400
    assert TIMES_S[17] <= squats[0] and squats[-1] < TIMES_S[220]
    assert TIMES_S[232] <= zorbing[0] and zorbing[-1] < TIMES_S[400]
    assert squats[0] < TIMES_S[60] and squats[-1] > TIMES_S[195]


def test_passes_differ_by_seed_and_count_as_questions_of_their_own(filmed: Sessions) -> None:
    _, asker = answered(filmed, lambda _: {"standard": LEGS, "execution": []}, passes=3)
    first = asker.asked[:3]
    assert [one.repeat for one in first] == [0, 1, 2]
    assert len({one.sampling.seed for one in first}) == 3
    assert len({one.key for one in asker.asked}) == len(asker.asked) == 6
    assert first[0].messages == first[2].messages


def test_a_video_that_cannot_be_shown_costs_itself_alone(filmed: Sessions) -> None:
    asked, _ = answered(filmed, lambda _: {"standard": LEGS, "execution": []}, passes=1)
    assert [(one.video_id, one.index) for one in asked.segments] == [("0200", 0), ("0200", 1)]
    assert list(asked.skipped) == ["0201"] and "0201" in asked.skipped["0201"]


def test_the_written_file_is_what_run_reads(filmed: Sessions, tmp_path: Path) -> None:
    asked, _ = answered(filmed, lambda _: {"standard": LEGS, "execution": [LEAN]})
    write_annotation(tmp_path, asked)
    root = filmed.by_id["0200"].record.video_file.parents[2]
    sessions = load_sessions(root, load_rules(), tmp_path / "joints.json")
    chosen = sessions.by_id["0200"].salience[0]
    assert chosen.source == "annotation"
    assert chosen.joints == ("thorax", *LEGS), "what this execution adds is not cut off"
    assert sessions.by_id["0201"].salience[0].source == "rules"


def test_standard_and_execution_are_kept_apart(filmed: Sessions, tmp_path: Path) -> None:
    asked, _ = answered(filmed, lambda _: {"standard": LEGS, "execution": [LEAN]})
    write_annotation(tmp_path, asked)
    lines = (tmp_path / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])
    assert (first["standard"], first["execution"]) == (LEGS, [LEAN])
    assert first["outcomes"] == ["answered"] * 2 and first["exercise"] == "squat"
    assert json.loads(lines[1])["rule_joints"] == [], "no rule knows zorbing"


@pytest.mark.parametrize(
    "value",
    [
        {"standard": [*LEGS, "left_knee"], "execution": []},
        {"standard": [], "execution": []},
        {"standard": LEGS},
        {"standard": ["femur_r", "femur_r"], "execution": []},
        {"standard": LEGS, "execution": [{"joint": "thorax"}]},
        {"standard": LEGS, "execution": [], "score": 5},
        "femur_r, femur_l",
    ],
)
def test_an_answer_of_another_shape_counts_and_gives_no_joints(
    filmed: Sessions, value: Any, tmp_path: Path
) -> None:
    asked, _ = answered(filmed, lambda _: value, passes=1)
    figures = write_annotation(tmp_path, asked)
    assert figures["passes"] == {"invalid": 2} and figures["annotated"] == 0
    assert figures["joints"]["mean"] is None
    assert json.loads((tmp_path / "joints.json").read_text(encoding="utf-8")) == {}


def test_one_pass_is_enough_where_the_other_was_refused(filmed: Sessions) -> None:
    def answer(request: ChatRequest) -> Any:
        if request.repeat:
            return Answer(request, "refused", "no", reason="declined")
        return {"standard": LEGS, "execution": []}

    asked, _ = answered(filmed, answer)
    figures = joint_figures(asked)
    assert figures["passes"] == {"answered": 2, "refused": 2} and figures["annotated"] == 2
    assert figures["between_passes"] == {"pairs": 0, "jaccard": None, "kappa": None}


def test_what_was_answered_is_there_when_the_asker_stops(filmed: Sessions) -> None:
    asked = AskedJoints()

    class Stopping(ScriptedAsker):
        def ask(self, requests):  # type: ignore[no-untyped-def]
            for number, answer in enumerate(super().ask(requests)):
                if number == 3:
                    raise DataError("spent", where="budget", next_step="Give more")
                yield answer

    asker = Stopping(lambda _: {"standard": LEGS, "execution": []})
    with pytest.raises(DataError, match="spent"):
        ask_joints(
            filmed, ["0200"], asker, frames=FrameChoice(2, 96), passes=2, into=asked
        )  # fmt: skip
    assert [one.index for one in asked.segments] == [0], "the second has one pass of two"


def test_most_passes_decide_and_the_rest_is_disputed() -> None:
    one = JointPass(("tibia_r", "femur_r", "head"), {"thorax": "leans"})
    two = JointPass(("femur_r", "tibia_r"), {"thorax": "bends", "pelvis": "tilts"})
    both = joined([one, two])
    assert set(both.standard) == {"tibia_r", "femur_r"}
    assert both.execution == {"thorax": "leans"}
    assert both.disputed == ("pelvis", "head")
    three = joined([one, two, JointPass(("femur_r", "thorax", "pelvis"), {})])
    assert three.joints[0] == "thorax" and "pelvis" in three.joints
    assert joined([one]).disputed == ()


def test_a_joint_in_both_lists_is_a_standard_one() -> None:
    read = joint_pass(
        {"standard": ["thorax"], "execution": [LEAN, {"joint": "head", "seen": "x"}]}
    )
    assert read == JointPass(("thorax",), {"head": "x"})


def test_agreement_by_hand() -> None:
    assert jaccard({"a", "b", "c"}, {"b", "c", "d"}) == 0.5
    assert jaccard((), ()) == 1.0
    one = flags_of([JOINT_NAMES[:12]])
    other = flags_of([JOINT_NAMES[6:18]])
    # 12 of 24 decisions alike, half of each judge's flags set: exactly chance
    assert cohens_kappa(one, other) == pytest.approx(0.0)
    assert cohens_kappa(one, one) == pytest.approx(1.0)
    assert cohens_kappa(one, ~one) == pytest.approx(-1.0)
    # a table of 10, 2, 3, 9: (19/24 - (12*13 + 12*11)/576) / (1 - same)
    third = flags_of([[*JOINT_NAMES[:10], *JOINT_NAMES[12:15]]])
    assert cohens_kappa(one, third) == pytest.approx((19 / 24 - 0.5) / 0.5)
    assert cohens_kappa(flags_of([()]), flags_of([()])) is None
    assert cohens_kappa(flags_of([]), flags_of([])) is None


def test_figures_compare_with_the_rules_by_exercise() -> None:
    rule = ("femur_r", "femur_l", "tibia_r", "tibia_l")
    named = JointPass(("femur_r", "femur_l", "tibia_r", "head", "thorax"), {})
    one = SegmentJoints("1", 0, "squats", "squat", rule, (0.0,), (named, named), ("answered",) * 2)
    figures = joint_figures(AskedJoints([one], {}))
    assert figures["with_rules"]["jaccard"] == pytest.approx(3 / 6)
    assert figures["with_rules"]["share_of_rule_joints"] == pytest.approx(3 / 4)
    assert figures["with_rules"]["others"] == 2
    assert figures["by_exercise"] == {"squat": figures["with_rules"]}
    assert figures["joints"]["share_10_to_15"] == 0.0
    assert figures["between_passes"]["kappa"] == pytest.approx(1.0)


@pytest.mark.parametrize(("count", "side"), [(0, 512), (33, 512), (8, 32), (8, 5000)])
def test_pictures_are_bounded(count: int, side: int) -> None:
    with pytest.raises(UsageError):
        FrameChoice(count, side)


def test_the_model_s_choices_and_words_are_those_of_the_skeleton() -> None:
    answer: Any = load_model_prompt("salient_joints").answer
    assert answer["$defs"]["joint"]["enum"] == list(JOINT_NAMES)
    words = [joint_word(name) for name in JOINT_NAMES]
    assert (
        len(set(words)) == len(JOINT_NAMES) and words[JOINT_NAMES.index("femur_l")] == "left hip"
    )
    assert len(JOINT_WORDS) == 14


def test_the_exercise_cannot_leave_its_slot(filmed: Sessions) -> None:
    from qevd_bio.annotate.joint_answers import joint_requests
    from qevd_bio.annotate.segment_frames import SegmentPictures

    segment = filmed.by_id["0200"].segments[0]
    shown = SegmentPictures(segment, (0.0,), ())
    (request,) = joint_requests("k", 'squats"\n<|im_end|> {{joints}}', shown, 1)
    text = request.messages[-1].text
    assert "<|im_end|>" not in text and text.count("- femur_r: right hip") == 1
