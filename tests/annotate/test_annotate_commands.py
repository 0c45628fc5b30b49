"""annotate joints, reviewed and kinds; rules draft and accept: on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qevd_bio.annotate.joint_review import JointReview, ReviewedJoints
from qevd_bio.capture import footage
from qevd_bio.capture.person.upright import Upright
from qevd_bio.cli.asking import Asking
from qevd_bio.cli.main import app
from qevd_bio.feedback.second_opinions import read_opinions
from qevd_bio.llm.chat import ChatRequest
from tests.annotate.scripted_asker import ScriptedAsker
from tests.annotate.test_draft_rule import proposal
from tests.capture.video_files import write_video
from tests.llm.scripted_server import MODEL, Act, serving
from tests.pipeline.sessions_made import FRAMES, SPLIT, SQUATS, record, write_root


def value_for(request: ChatRequest) -> Any:
    """A model that always names the same joints, kind and rule."""
    answers = {
        "salient_joints": {"standard": ["femur_r", "femur_l"], "execution": []},
        "utterance_kind": {"kind": "counting"},
        "rule_draft": proposal(),
    }
    return answers[request.prompt_id]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Put a script in the place of the client; the files of answers that commands choose."""
    files: list[Path] = []

    @contextmanager
    def scripted(self: Asking, default_answers: Path) -> Iterator[ScriptedAsker]:
        files.append(default_answers)
        yield ScriptedAsker(value_for)

    monkeypatch.setattr(Asking, "client", scripted)
    monkeypatch.setattr(footage, "find_upright", lambda *args, **kwargs: Upright(0, "made up"))
    return files


def ran(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done.stdout


def test_joints_are_written_reviewed_and_written_again(tmp_path: Path, asked: list[Path]) -> None:
    root = write_root(tmp_path / "QEVD", [record("0200", SQUATS), record("0201", SQUATS)])
    video = root / SPLIT / "long_range_videos" / "0200.mp4"
    write_video(video, [np.full((48, 64, 3), 90, dtype=np.uint8)] * FRAMES)
    out = tmp_path / "joints"
    result = json.loads(
        ran("annotate", "joints", str(out), "--data-root", str(root), "--json", code=3)
    )
    assert asked == [out / "answers.jsonl"]
    assert (result["annotated"], result["skipped_videos"]) == (2, 1)
    named = json.loads((out / "joints.json").read_text(encoding="utf-8"))
    assert named == {"0200": {"0": ["femur_r", "femur_l"], "1": ["femur_r", "femur_l"]}}

    JointReview(out).add(ReviewedJoints("event-0001", "anna", "0200", 0, ("head",)))
    assert "reviewed: 1" in ran("annotate", "reviewed", str(out))
    named = json.loads((out / "joints.json").read_text(encoding="utf-8"))
    assert named["0200"]["0"] == ["head"]
    text = ran("annotate", "joints", str(out), "--data-root", str(root), "--video", "0200")
    assert "with rules" in text and "run --salient-joints" in text


def filmed_root(home: Path) -> Path:
    root = write_root(home / "QEVD", [record("0200", SQUATS)])
    video = root / SPLIT / "long_range_videos" / "0200.mp4"
    write_video(video, [np.full((48, 64, 3), 90, dtype=np.uint8)] * FRAMES)
    return root


def test_a_server_sees_the_pictures_and_only_what_failed_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way over HTTP: pictures as data, a refusal, JSON within prose, a second run."""
    monkeypatch.setattr(footage, "find_upright", lambda *args, **kwargs: Upright(0, "made up"))
    root, out = filmed_root(tmp_path), tmp_path / "joints"
    joints = json.dumps({"standard": ["femur_r", "femur_l"], "execution": []})

    def script(text: str, before: int, body: dict[str, Any]) -> Act:
        if "Exercise" not in text:
            return Act(content="hello")
        if "zorbing" in text and before < 2:
            return Act(content=None, refusal="I cannot help with that")
        return Act(content=f"Here it is:\n```json\n{joints}\n```")

    with serving(script) as server:
        command = ["annotate", "joints", str(out), "--data-root", str(root), "--json"]
        command += ["--endpoint", server.url, "--model", MODEL, "--frames", "2"]
        first = json.loads(ran(*command))
        shown = [one for one in server.seen.bodies if "Exercise" in json.dumps(one)]
        again = json.loads(ran(*command))
        calls = len([one for one in server.seen.bodies if "Exercise" in json.dumps(one)])
    assert first["passes"] == {"answered": 2, "refused": 2} and first["annotated"] == 1
    assert again["passes"] == {"answered": 4} and again["annotated"] == 2
    assert (len(shown), calls) == (4, 6)
    parts = shown[0]["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert len(urls) == 2 and all(url.startswith("data:image/jpeg;base64,") for url in urls)


def test_kinds_list_what_differs(tmp_path: Path, asked: list[Path]) -> None:
    root, out = write_root(tmp_path / "QEVD", [record("0001", SQUATS)]), tmp_path / "kinds.csv"
    text = ran("annotate", "kinds", str(out), "--data-root", str(root))
    assert "Sink deeper into these squats" in text and "2 wait" in text
    assert asked == [tmp_path / "kinds.answers.jsonl"]
    assert {one.opinion for one in read_opinions(out).values()} == {"counting"}


@pytest.mark.parametrize("options", [("--by", "neighbours"), ("--encoder", "x")])
def test_an_encoder_belongs_to_a_vote(tmp_path: Path, options: tuple[str, ...]) -> None:
    ran("annotate", "kinds", str(tmp_path / "k.csv"), *options, code=2)


def test_a_draft_is_written_shown_and_accepted(tmp_path: Path, asked: list[Path]) -> None:
    rules = tmp_path / "rules"
    text = ran("rules", "draft", "Zercher squats", "--rules", str(rules))
    path = rules / "zercher_squat.json"
    assert str(path) in text and asked == [rules / "zercher_squat.answers.jsonl"]
    shown = ran("rules", "show", str(path))
    assert "DRAFT: nobody has accepted it" in shown
    assert "femur_r: the thigh carries the trunk" in shown
    ran("rules", "accept", str(path), "--by", "anna", code=2)
    assert "as the model proposed it" in ran("rules", "accept", str(path), "--by", "anna", "--yes")
    assert "accepted by anna" in ran("rules", "show", "Zercher squat", "--rules", str(rules))


def test_without_an_endpoint_the_message_says_how_to_name_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["rules", "draft", "Zercher squats", "--rules", str(tmp_path)],
        env={"QEVD_BIO_LLM_ENDPOINT": ""},
    )  # fmt: skip
    assert done.exit_code == 2 and "--endpoint" in done.output
