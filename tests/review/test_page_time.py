"""The frame that the page says it shows is the picture on the screen, and so are its marks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.review.conftest import Serve, wait_for_item
from tests.review.numbered_videos import READ_NUMBER

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

VIDEOS = ["0301", "0302", "0303"]
"""Variable frame rate; sideways at 29.97 frames a second; a first picture that comes late."""

# Each sample: number of the picture, frame of the page, of the playhead, of the skeleton. There is
# none while a seek is under way: the page then says that it knows no frame, and draws none.
WATCH = f"""
async (wanted) => {{
  const read = {READ_NUMBER};
  const video = document.getElementById("video");
  const stage = document.getElementById("stage");
  const skeleton = document.getElementById("skeleton");
  const samples = [];
  await new Promise((done) => {{
    const look = () => {{
      if (stage.dataset.frame) {{
        const playhead = document.querySelector(".curve").dataset.frame;
        const frames = [stage.dataset.frame, playhead, skeleton.dataset.frame];
        samples.push([read(video), ...frames.map(Number)]);
      }}
      if (samples.length < wanted) video.requestVideoFrameCallback(look);
      else done();
    }};
    video.requestVideoFrameCallback(look);
  }});
  return samples;
}}
"""

# Each sample: time of the picture as the browser names it, frame of the page.
NAMED = """
async (wanted) => {
  const samples = [];
  const video = document.getElementById("video");
  const stage = document.getElementById("stage");
  await new Promise((done) => {
    const look = (_, picture) => {
      if (stage.dataset.frame) samples.push([picture.mediaTime, Number(stage.dataset.frame)]);
      if (samples.length < wanted) video.requestVideoFrameCallback(look);
      else done();
    };
    video.requestVideoFrameCallback(look);
  });
  return samples;
}
"""

SEEN = f"""
() => [({READ_NUMBER})(document.getElementById("video")),
  parseInt(document.getElementById("stage").dataset.frame)]
"""

# Whether the canvas over the video is what a fresh layer draws for a frame, and for a later one.
SKELETON_IS_THAT_OF = """
async (frame) => {
  const { SkeletonLayer } = await import("/static/skeleton.js");
  const id = location.hash.slice(1);
  const found = await fetch(`/api/skeleton/${id}`).then((answer) => answer.json());
  const drawn = document.getElementById("skeleton");
  const pixels = (canvas) =>
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const same = async (wanted) => {
    const canvas = document.createElement("canvas");
    const layer = new SkeletonLayer(canvas, async () => found);
    await layer.load(id);
    layer.draw(wanted);
    const [a, b] = [pixels(drawn), pixels(canvas)];
    return a.length === b.length && a.every((value, i) => value === b[i]);
  };
  return [await same(frame), await same(frame + 3), [drawn.width, drawn.height]];
}
"""


ITEM = """
() => fetch(`/api/item/${location.hash.slice(1)}`).then((answer) => answer.json())
  .then((value) => value.item)
"""


def shown(serve: Serve, open_page: Any, video: str, **options: Any) -> tuple[Any, int]:
    """A page with an item of a video, and the number of the item's first frame."""
    served = serve()
    page = open_page(served.address(query=f"q={video}"), **options)
    wait_for_item(page)
    first = page.evaluate(ITEM)["first_frame"]
    page.wait_for_function("() => document.getElementById('video').readyState >= 2")
    page.wait_for_function("() => document.getElementById('skeleton').dataset.frame")
    return page, first


@pytest.mark.parametrize("video", VIDEOS)
def test_playhead_and_skeleton_follow_the_video(serve: Serve, open_page: Any, video: str) -> None:
    page, first = shown(serve, open_page, video, reduced_motion="no-preference")
    # At a quarter of the speed a picture stays long enough to be read on a busy machine, too.
    for _ in range(3):
        page.keyboard.press("[")
    page.wait_for_timeout(300)
    samples = page.evaluate(WATCH, 16)
    assert len({number for number, *_ in samples}) > 8
    for number, frame, playhead, skeleton in samples:
        assert frame == playhead == skeleton
        assert abs(number - first - frame) <= 1, samples
    exact = sum(number - first == frame for number, frame, *_ in samples)
    assert exact > len(samples) // 2


@pytest.mark.parametrize("video", VIDEOS)
def test_the_frame_is_the_one_whose_stored_time_the_browser_names(
    serve: Serve, open_page: Any, video: str
) -> None:
    page, _ = shown(serve, open_page, video, reduced_motion="no-preference")
    media_s = page.evaluate(ITEM)["frames"]["media_s"]
    samples = page.evaluate(NAMED, 20)
    assert len({time_s for time_s, _ in samples}) > 8
    for time_s, frame in samples:
        assert media_s[frame] == pytest.approx(time_s, abs=2e-6)


@pytest.mark.parametrize("video", VIDEOS)
def test_a_step_shows_exactly_the_next_picture(serve: Serve, open_page: Any, video: str) -> None:
    page, first = shown(serve, open_page, video)
    frame = page.evaluate(SEEN)[1]
    for key in [*"." * 8, *"," * 4]:
        page.keyboard.press(key)
        frame += 1 if key == "." else -1
        page.wait_for_function(
            f"wanted => String(({SEEN})()) === wanted", arg=f"{first + frame},{frame}"
        )
    page.wait_for_timeout(200)
    assert page.evaluate(SEEN) == [first + frame, frame]
    is_drawn, is_later, size = page.evaluate(SKELETON_IS_THAT_OF, frame)
    assert is_drawn and not is_later
    assert size == page.evaluate("() => [video.videoWidth, video.videoHeight]")
    width, height = size
    assert width > height, "the sideways video stands upright on the page"


def test_the_playhead_lies_at_the_time_of_the_frame(serve: Serve, open_page: Any) -> None:
    page, _ = shown(serve, open_page, "0301")
    page.keyboard.press("c")
    places, times = [], []
    media_s = page.evaluate(ITEM)["frames"]["media_s"]
    for share in (0.1, 0.3, 0.6, 0.9):
        box = page.locator(".curve > svg").first.bounding_box()
        page.mouse.click(box["x"] + 44 + share * (box["width"] - 52), box["y"] + 60)
        page.wait_for_timeout(250)
        frame = int(page.get_attribute("#stage", "data-frame"))
        assert page.evaluate(SEEN)[1] == frame
        places.append(float(page.get_attribute(".playhead", "x1")))
        times.append(media_s[frame])
    slope = (places[-1] - places[0]) / (times[-1] - times[0])
    for place, time_s in zip(places, times, strict=True):
        assert place == pytest.approx(places[0] + slope * (time_s - times[0]), abs=0.5)


def test_the_cycle_around_the_sentence_is_looped(serve: Serve, open_page: Any) -> None:
    page, first = shown(serve, open_page, "0302", reduced_motion="no-preference")
    item = page.evaluate(ITEM)
    start, end = item["loop_frames"]
    frames = [number - first for number, *_ in page.evaluate(WATCH, 100)]
    steps = [b - a for a, b in pairwise(frames)]
    assert any(step < -(end - start) // 2 for step in steps), "the cycle began again"
    # A busy machine shows few pictures: the end is met by the first one after it.
    assert min(frames) >= start - 1 and max(frames) <= end + max(steps)
    page.keyboard.press("l")
    page.wait_for_function(
        "last => Number(document.getElementById('stage').dataset.frame) === last",
        arg=len(item["frames"]["media_s"]) - 1,
    )
