"""What the addresses of the page answer, to the page and to others."""

from __future__ import annotations

import json
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.review.server.opening import open_review
from qevd_bio.verdicts.store import VerdictStore
from tests.review.conftest import Serve, Served
from tests.review.served import Client
from tests.review.work_made import SCRIPT

PATHS = [
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd",
    "....//....//etc/passwd", "..\\..\\windows\\win.ini", "0301", "0301.mp4",
    "long_range_videos/0301.mp4",
    "file:///etc/passwd", "%00", "0" * 24, "\u2025/etc", "*", "", " ", "null", "a" * 3_000,
]  # fmt: skip


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()


@pytest.fixture
def anna(served: Served) -> Client:
    return served.client()


def event(item: dict[str, Any], verdict: str = "accepted", **more: Any) -> dict[str, Any]:
    """A verdict as the page sends it."""
    return {
        "event_id": str(uuid.uuid4()), "item": item["id"], "judged": item["digest"],
        "verdict": verdict, "seconds": 1.5, **more,
    }  # fmt: skip


def stored(served: Served) -> list[tuple[str, str, str]]:
    """Annotator, verdict and text of every event."""
    store = VerdictStore(served.store)
    found = [(one.annotator, one.verdict, one.text) for one in store.events()]
    store.close()
    return found


def test_an_item_has_what_the_page_draws(anna: Client) -> None:
    answer = anna.get("/api/next").value
    item = answer["item"]
    assert answer["progress"] == {"done": 0, "total": 53}
    assert item["status"] == "rewritten" and item["has_video"]
    assert set(item["curves"][0]["sides"]) == {"right", "left"}
    assert len(item["frames"]["media_s"]) == len(item["curves"][0]["sides"]["left"])
    skeleton = anna.get(f"/api/skeleton/{item['id']}").value
    assert len(skeleton["points"]) == len(item["frames"]["media_s"])
    text = anna.get("/api/session").value
    assert [one["number"] for one in text["reasons"]] == list(range(1, 10))
    assert text["guidelines"]["sections"] and text["filters"]["exercise"] == ["squat"]


def test_a_verdict_is_stored_and_the_next_item_comes(served: Served, anna: Client) -> None:
    first = anna.get("/api/next").value["item"]
    answer = anna.post("/api/verdict", event(first))
    assert answer.value == {"progress": {"done": 1, "total": 53}}
    assert stored(served) == [("anna", "accepted", "")]
    assert anna.get(f"/api/next?after={first['id']}").value["item"]["id"] != first["id"]
    again = anna.get(f"/api/item/{first['id']}").value
    assert again["verdict"]["verdict"] == "accepted" and not again["stale"]


def test_an_event_that_is_sent_again_is_stored_once(served: Served, anna: Client) -> None:
    sent = event(anna.get("/api/next").value["item"])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: anna.post("/api/verdict", sent).status, range(16)))
    assert answers == [200] * 16
    assert len(stored(served)) == 1


def test_an_undo_that_is_sent_again_undoes_once(served: Served, anna: Client) -> None:
    items = []
    for _ in range(2):
        items.append(anna.get("/api/next").value["item"])
        anna.post("/api/verdict", event(items[-1]))
    undo = {"event_id": str(uuid.uuid4())}
    for _ in range(3):
        answer = anna.post("/api/undo", undo).value
        assert answer["item"]["id"] == items[1]["id"] and answer["verdict"] is None
    assert (
        anna.post("/api/undo", {"event_id": str(uuid.uuid4())}).value["item"]["id"]
        == items[0]["id"]
    )
    assert anna.post("/api/undo", {"event_id": str(uuid.uuid4())}).value["item"] is None
    assert [verdict for _, verdict, _ in stored(served)] == ["accepted"] * 2 + ["undone"] * 2


def test_an_annotator_cannot_undo_or_write_as_another(served: Served, anna: Client) -> None:
    item = anna.get("/api/next").value["item"]
    anna.post("/api/verdict", event(item, annotator="ben"))
    assert stored(served) == [("anna", "accepted", "")]
    ben = served.client("ben")
    assert ben.post("/api/undo", {"event_id": str(uuid.uuid4())}).value["item"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "maybe"}, {"verdict": "kept_rightly"}, {"verdict": "undone"}, {"verdict": 1},
        {"judged": "0" * 64}, {"judged": ""}, {"verdict": "rejected"}, {"verdict": "edited"},
        {"verdict": "rejected", "reason": "none"}, {"text": "more"}, {"seconds": -1},
        {"seconds": 1e99}, {"seconds": "1"}, {"seconds": True}, {"event_id": ""},
        {"event_id": "x"}, {"event_id": "../../x/../.."}, {"note": "n" * 2_001},
        {"note": "\x1b[0m"},
        {"note": 1}, {"adjudication": "yes"}, {"adjudication": True},
        {"verdict": "edited", "text": "Bend your knees by 77°."},
        {"verdict": "edited", "text": "  "},
    ],
)  # fmt: skip
def test_a_verdict_that_does_not_fit_is_refused(
    served: Served, anna: Client, change: dict[str, Any]
) -> None:
    item = anna.get("/api/next").value["item"]
    answer = anna.post("/api/verdict", event(item) | change)
    assert answer.status in (400, 422), answer.body
    assert answer.value["error"]
    assert stored(served) == []


def test_seconds_that_are_no_number_are_refused(served: Served, anna: Client) -> None:
    item = anna.get("/api/next").value["item"]
    body = json.dumps(event(item) | {"seconds": 0}).replace('"seconds": 0', '"seconds": NaN')
    assert anna.post("/api/verdict", body.encode()).status == 422
    assert stored(served) == []


@pytest.mark.parametrize("name", PATHS)
def test_no_path_of_a_client_is_followed(served: Served, anna: Client, name: str) -> None:
    raw = quote(name, safe="%/\\.")
    for where in ("/media/", "/api/item/", "/api/skeleton/", "/static/"):
        assert anna.get(where + raw).status in (404, 307, 400, 414), where
    for where in ("/api/next?after=", "/api/previous?before="):
        if name:
            assert anna.get(where + quote(name, safe="")).status == 404
    for filter_name in ("exercise", "split", "status", "kind", "finding", "verdict", "annotator",
                        "disagreement", "passed", "order", "path", "file"):  # fmt: skip
        answer = anna.get(f"/api/next?{filter_name}={quote(name, safe='')}")
        assert answer.status == 422 or answer.value["item"] is None or not name.strip()
    for body in ({"item": name, "text": "x"}, event({"id": name, "digest": "0" * 64})):
        path = "/api/check-edit" if "text" in body else "/api/verdict"
        assert anna.post(path, body).status == 404
    assert stored(served) == []


def test_video_comes_in_ranges(anna: Client, made_work: Path) -> None:
    item = anna.get("/api/next").value["item"]
    videos = made_work.parent / "QEVD" / "QEVD-FIT-COACH" / "long_range_videos"
    content = (videos / f"{item['video_id']}.mp4").read_bytes()
    address = f"/media/{item['id']}"
    whole = anna.get(address)
    assert (whole.status, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.body == content and whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["x-content-type-options"] == "nosniff"
    part = anna.get(address, Range="bytes=100-299")
    assert (part.status, part.body) == (206, content[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(content)}"
    assert anna.get(address, Range="bytes=-10").body == content[-10:]
    assert anna.get(address, Range=f"bytes={len(content)}-").status == 416
    many = ",".join(f"{i}-" for i in range(5_000))
    assert anna.get(address, Range=f"bytes={many}").status in (200, 400, 416, 431)


def test_a_video_that_left_the_data_root_is_not_sent(
    serve: Serve, made_release: Path, made_work: Path, tmp_path: Path
) -> None:
    root, secret = tmp_path / "QEVD", tmp_path / "secret.mp4"
    shutil.copytree(made_work.parent / "QEVD", root)
    client = serve(made_release, data_root=root).client()
    item = client.get("/api/next").value["item"]
    assert client.get(f"/media/{item['id']}").status == 200
    secret.write_bytes(b"secret")
    (video,) = root.rglob(f"{item['video_id']}.mp4")
    video.unlink()
    video.symlink_to(secret)
    assert client.get(f"/media/{item['id']}").status == 404
    assert client.get(f"/api/item/{item['id']}").value["item"]["has_video"] is False


def test_text_goes_out_as_json_and_never_as_html(anna: Client) -> None:
    answer = anna.get(f"/api/next?q={quote('<script>')}")
    assert answer.headers["content-type"] == "application/json"
    assert SCRIPT in answer.value["item"]["original"]
    page = anna.get(f"/?q={quote(SCRIPT)}")
    assert b"window.hacked" not in page.body


@pytest.mark.parametrize(
    "query",
    ["verdict=open", "verdict=accepted", "annotator=ben", "status=any", "q=sink", "order=random",
     "kind=corrective", "split=train"],
)  # fmt: skip
def test_filters_stand_in_the_address(anna: Client, query: str) -> None:
    assert anna.get(f"/api/next?{query}").status == 200


def test_the_edit_is_checked_while_it_is_typed(anna: Client) -> None:
    item = anna.get("/api/next").value["item"]

    def problems(text: str) -> list[str]:
        return anna.post("/api/check-edit", {"item": item["id"], "text": text}).value["problems"]

    assert problems(item["feedback"]) == []
    assert any("77" in one for one in problems("Knee flexion 77°."))
    assert problems("")
    assert problems("x" * 2_500)


def test_kept_sentences_are_judged_too(served: Served, anna: Client) -> None:
    item = anna.get("/api/next?status=kept").value["item"]
    assert anna.post("/api/verdict?status=kept", event(item, "kept_rightly")).status == 200
    assert anna.post("/api/verdict", event(item, "accepted")).status == 422
    assert stored(served) == [("anna", "kept_rightly", "")]


def test_two_annotators_judge_apart_and_see_each_other_only_after(serve: Serve) -> None:
    served = serve(share=1.0)
    anna, ben = served.client("anna"), served.client("ben")
    item = anna.get("/api/next").value["item"]
    anna.post("/api/verdict", event(item))
    blind = ben.get(f"/api/item/{item['id']}").value
    assert blind["given"] == [] and blind["verdict"] is None
    ben.post("/api/verdict", event(item, "rejected", reason="wording"))
    seen = ben.get(f"/api/item/{item['id']}").value
    assert [(one["annotator"], one["verdict"]) for one in seen["given"]] == [("anna", "accepted")]
    queue = ben.get("/api/next?disagreement=yes").value
    assert queue["item"]["id"] == item["id"]
    decided = event(item, "accepted", adjudication=True)
    assert ben.post("/api/verdict?disagreement=yes", decided).status == 200
    assert ben.get("/api/next?disagreement=yes").value["item"] is None


def test_a_release_needs_a_store_of_its_own(made_release: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--store"):
        open_review(made_release)
    before = sorted(made_release.rglob("*"))
    review = open_review(made_release, store=tmp_path / "own.sqlite")
    assert review.source.is_release and len(review.state.items) > 50
    assert sorted(made_release.rglob("*")) == before


def test_a_release_is_reviewed_with_and_without_its_videos(
    serve: Serve, made_release: Path, made_work: Path
) -> None:
    without = serve(made_release).client()
    item = without.get("/api/next").value["item"]
    assert not item["has_video"] and without.get(f"/media/{item['id']}").status == 404
    assert item["curves"][0]["sides"]["left"]
    root = made_work.parent / "QEVD"
    with_videos = serve(made_release, data_root=root, store_name="second.sqlite").client()
    assert with_videos.get(f"/media/{item['id']}").status == 200
