"""The live coach on recorded videos: processor time of a picture, and counts live and at the end.

    python -m benchmarks.live_coach VIDEO EXERCISE [VIDEO EXERCISE ...]

Pictures are taken at up to 15 a second and none is dropped, so the counts do not depend on the
load of the machine; processor time is that of detection, fitting, search and drawing.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.correctness import table
from qevd_bio.capture.monocular.backend import MediaPipeBackend
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.coach.live import LIVE_SIDE_PX
from qevd_bio.coach.live_coach import LiveCoach
from qevd_bio.exercises.names import rule_named
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.rule_check import usable_rules

RATE_HZ = 15.0


def measured(path: Path, rule: Rule) -> tuple[str, ...]:
    """Coach one video and return its row."""
    coach = LiveCoach(rule, MediaPipeBackend.with_detector("full").config)
    times_s = stored_times_s(path)
    times_s = times_s - times_s[0]
    step = max(1, round(len(times_s) / (float(times_s[-1]) * RATE_HZ)))
    used_s, pictures = 0.0, 0
    for number, image in enumerate(FrameStream(path, longest_side_px=LIVE_SIDE_PX)):
        if number % step == 0:
            before_s = time.process_time()
            coach.push(image, float(times_s[number]))
            coach.picture(image)
            used_s, pictures = used_s + time.process_time() - before_s, pictures + 1
    late_s = [one.known_s - one.end_s for one in coach.heard]
    live, whole = coach.count, coach.whole_count()
    told = sum(bool(one.sentence) for one in coach.heard)
    return (
        path.name,
        rule.title,
        str(pictures),
        f"{1000 * used_s / pictures:.1f}",
        f"{max(late_s, default=0.0):.1f}",
        str(live),
        str(whole),
        str(told),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", help="VIDEO EXERCISE, as often as wanted")
    pairs = parser.parse_args().pairs
    rules = usable_rules()
    named = zip(pairs[::2], pairs[1::2], strict=True)
    rows = [measured(Path(file), rule_named(name, rules, where=name)) for file, name in named]
    heads = ("video", "exercise", "pictures", "ms of processor a picture", "latest known after, s",
             "count live", "count of the end", "sentences")  # fmt: skip
    print(table(heads, rows))
