"""Salient joints of segments by a vision-language model: asked, joined and compared.

Supplement, section 3: the exercise and frames of a segment go to the model, which names a standard
set of joints and further ones that the execution asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qevd_bio.annotate.joint_answers import (
    JoinedPasses,
    JointPass,
    joined,
    joint_pass,
    joint_requests,
)
from qevd_bio.annotate.segment_frames import FrameChoice, segment_pictures
from qevd_bio.errors import DataError, VideoError
from qevd_bio.llm.chat import Asker, ChatRequest
from qevd_bio.stages.sessions import Sessions

SegmentKey = tuple[str, int]
"""Video id and index of a segment."""


@dataclass(frozen=True)
class SegmentJoints:
    """What the model says of one segment.

    Attributes
    ----------
    video_id, index, exercise_text : str, int, str
        The segment.
    rule_id : str or None
        The rule of its exercise.
    rule_joints : tuple of str
        The joints that its rule gives; none without a rule.
    times_s : tuple of float
        Times of the pictures.
    passes : tuple of JointPass
        Answers that can be used.
    outcomes : tuple of str
        Of every pass, as `qevd_bio.llm.chat.Answer` names them.
    model : str
        As the server named it.
    """

    video_id: str
    index: int
    exercise_text: str
    rule_id: str | None
    rule_joints: tuple[str, ...]
    times_s: tuple[float, ...]
    passes: tuple[JointPass, ...] = ()
    outcomes: tuple[str, ...] = ()
    model: str = ""

    @property
    def joined(self) -> JoinedPasses:
        """What most passes name; nothing where none answered or they have nothing in common."""
        return joined(self.passes)

    @property
    def key(self) -> SegmentKey:
        """The segment."""
        return self.video_id, self.index


@dataclass
class AskedJoints:
    """What was asked, while answers come.

    Attributes
    ----------
    segments : list of SegmentJoints
        Those whose passes have all come, in order.
    skipped : dict of str to str
        Videos that could not be shown, with the reason.
    """

    segments: list[SegmentJoints] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def ask_joints(
    sessions: Sessions,
    videos: Sequence[str],
    asker: Asker,
    *,
    frames: FrameChoice,
    passes: int,
    into: AskedJoints,
) -> None:
    """Ask a model about every segment of some videos.

    Parameters
    ----------
    sessions, videos : Sessions, sequence of str
        The source data, and the videos by id.
    asker : Asker
        The model.
    frames : FrameChoice
        Pictures a segment.
    passes : int
        How often each segment is asked about.
    into : AskedJoints
        Gets each segment when its last pass has come, so that what was answered is there when the
        budget ends.

    Raises
    ------
    BudgetSpent, EnvironmentProblem
        As the asker raises them.
    """
    waiting: dict[str, SegmentJoints] = {}
    requests = _requests(sessions, videos, frames, passes, waiting, into.skipped)
    pending: list[JointPass] = []
    outcomes: list[str] = []
    for answer in asker.ask(requests):
        outcomes.append(answer.outcome)
        if answer.outcome == "answered":
            pending.append(joint_pass(answer.value))
        if len(outcomes) == passes:
            about = waiting.pop(answer.request.key)
            about = replace(about, passes=tuple(pending), outcomes=tuple(outcomes))
            into.segments.append(replace(about, model=answer.model))
            pending, outcomes = [], []


def _requests(
    sessions: Sessions,
    videos: Iterable[str],
    frames: FrameChoice,
    passes: int,
    waiting: dict[str, SegmentJoints],
    skipped: dict[str, str],
) -> Iterator[ChatRequest]:
    """Yield the requests of one segment after the other; the last one's key names the segment."""
    for video in videos:
        session = sessions.by_id[video]
        try:
            shown = segment_pictures(session, frames)
        except (DataError, VideoError) as error:
            skipped[video] = str(error)
            continue
        for one in shown:
            segment = one.segment
            rule = session.rules.get(segment.index)
            key = f"{video} segment {segment.index}"
            asked = joint_requests(key, segment.exercise_text, one, passes)
            salience = session.salience.get(segment.index)
            waiting[asked[-1].key] = SegmentJoints(
                video,
                segment.index,
                segment.exercise_text,
                rule.id if rule else None,
                salience.joints if rule and salience else (),
                one.times_s,
            )
            yield from asked


def counted_outcomes(segments: Iterable[SegmentJoints]) -> Mapping[str, int]:
    """Count the outcomes of all passes."""
    return dict(sorted(Counter(o for one in segments for o in one.outcomes).items()))
