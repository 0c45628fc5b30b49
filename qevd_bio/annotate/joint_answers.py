"""What a vision-language model is asked about the joints of a segment, and its passes joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qevd_bio.annotate.segment_frames import SegmentPictures
from qevd_bio.llm.chat import ChatRequest, Sampling
from qevd_bio.llm.prompt_file import load_model_prompt
from qevd_bio.skeleton.dofs import JOINT_NAMES

PROMPT = "salient_joints"
EXPECTED = (10, 15)
"""Joints a segment, supplement section 3; another number is reported, not refused."""

JOINT_WORDS: Mapping[str, str] = {
    "pelvis": "pelvis",
    "femur": "hip",
    "tibia": "knee",
    "talus": "ankle",
    "calcn": "heel (subtalar joint)",
    "toes": "toes",
    "lumbar_body": "lumbar spine",
    "thorax": "thoracic spine",
    "head": "neck",
    "scapula": "shoulder blade",
    "humerus": "shoulder",
    "ulna": "elbow",
    "radius": "forearm",
    "hand": "wrist",
}
"""Plain words by joint without its side."""

_SIDE_WORDS = {"_r": "right ", "_l": "left "}


@dataclass(frozen=True, slots=True)
class JointPass:
    """The answer of one pass over a segment.

    Attributes
    ----------
    standard : tuple of str
        Joints that count in the exercise however it is done, most important first.
    execution : mapping of str to str
        Joints that this execution adds, with what was seen; none of them is in `standard`.
    """

    standard: tuple[str, ...]
    execution: Mapping[str, str]

    @property
    def joints(self) -> tuple[str, ...]:
        """All joints; those of the execution first, which a list that is cut must not lose."""
        return (*self.execution, *self.standard)


@dataclass(frozen=True, slots=True)
class JoinedPasses:
    """What more than half of the passes name.

    Attributes
    ----------
    standard, execution
        As in `JointPass`.
    disputed : tuple of str
        Joints that some passes name and no majority does, in SKEL's order.
    """

    standard: tuple[str, ...]
    execution: Mapping[str, str]
    disputed: tuple[str, ...]

    @property
    def joints(self) -> tuple[str, ...]:
        """All joints, as `JointPass.joints`."""
        return (*self.execution, *self.standard)


def joint_word(joint: str) -> str:
    """Name a joint in plain words: ``femur_r`` is the right hip."""
    stem = joint.removesuffix("_r").removesuffix("_l")
    return _SIDE_WORDS.get(joint[len(stem) :], "") + JOINT_WORDS[stem]


def joint_requests(
    key: str, exercise: str, shown: SegmentPictures, passes: int
) -> list[ChatRequest]:
    """Ask about one segment, once a pass.

    Passes differ by their seed alone. A temperature above 0 lets them differ, so that their
    agreement says something.
    """
    first_s = shown.times_s[0]
    frames = ", ".join(f"{one - first_s:.1f} s" for one in shown.times_s)
    texts = {
        "exercise": exercise,
        "joints": "\n".join(f"- {name}: {joint_word(name)}" for name in JOINT_NAMES),
        "frames": frames,
    }
    return [
        load_model_prompt(PROMPT).request(
            f"{key} pass {number + 1}",
            texts,
            Sampling(temperature=0.7, top_p=0.8, seed=number, max_tokens=1024),
            pictures=shown.pictures,
            repeat=number,
        )
        for number in range(passes)
    ]


def joint_pass(value: Any) -> JointPass:  # noqa: ANN401 - JSON
    """Read an answer that fits the schema; a joint in both lists is a standard one."""
    standard = tuple(value["standard"])
    execution: dict[str, str] = {}
    for one in value["execution"]:
        if one["joint"] not in standard:
            execution.setdefault(one["joint"], one["seen"])
    return JointPass(standard, execution)


def joined(passes: Sequence[JointPass]) -> JoinedPasses:
    """Keep the joints that more than half of the passes name.

    Of one pass these are its own, of two those that both name. A joint belongs to the execution
    where more passes name it there than in the standard set; the order is that of the mean place.
    """
    named = {name for one in passes for name in one.joints}
    kept = {n for n in named if 2 * sum(n in one.joints for one in passes) > len(passes)}
    added = {
        name
        for name in kept
        if sum(name in one.execution for one in passes)
        > sum(name in one.standard for one in passes)
    }
    seen: dict[str, str] = {}
    for one in passes:
        for name in one.execution:
            if name in added:
                seen.setdefault(name, one.execution[name])
    return JoinedPasses(
        standard=_in_order(kept - added, [one.standard for one in passes]),
        execution={
            name: seen[name] for name in _in_order(added, [[*p.execution] for p in passes])
        },
        disputed=tuple(name for name in JOINT_NAMES if name in named - kept),
    )


def _in_order(names: set[str], lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    def place(name: str) -> tuple[float, int]:
        own = [one.index(name) for one in lists if name in one]
        return sum(own) / len(own), JOINT_NAMES.index(name)

    return tuple(sorted(names, key=place))
