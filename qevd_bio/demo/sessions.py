"""The sessions of the demo: who trains what, where it goes wrong, and what the trainer says."""

from __future__ import annotations

from dataclasses import dataclass, field

END_OF_SESSION = "That’s the end of the session."


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the trainer.

    Attributes
    ----------
    after : float
        When it falls, in repetitions of the reference: 2.2 is a fifth into the third.
    text : str
        In the manner of QEVD's trainers; the words are our own.
    """

    after: float
    text: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise of a session.

    Attributes
    ----------
    rule : str
        Rule id, the key of its reference.
    spoken : str
        The exercise as the trainer names it.
    view : str
        Name of a camera view.
    prone : bool
        Done on the floor.
    alternating : bool
        Right and left take turns; a reference of one side only is mirrored.
    is_faulty : tuple of bool
        One a repetition of the reference.
    fault : str
        Name of the fault of the faulty ones.
    repetition_s : float
        Mean duration of one repetition of the reference in seconds.
    lines : tuple of Line
        In order.
    carriage_deg : dict of str to float
        Angles added throughout where references leave hands and feet at rest.
    """

    rule: str
    spoken: str
    view: str
    prone: bool
    alternating: bool
    is_faulty: tuple[bool, ...]
    fault: str
    repetition_s: float
    lines: tuple[Line, ...]
    carriage_deg: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """One video.

    Attributes
    ----------
    video_id : str
        Four digits; ids up to 0145 are stored sideways.
    split : str
        Folder of the split.
    build : str
        Whose body.
    outfit : int
        Which clothes.
    exercises : tuple of Exercise
        In order.
    """

    video_id: str
    split: str
    build: str
    outfit: int
    exercises: tuple[Exercise, ...]


def _pattern(marks: str) -> tuple[bool, ...]:
    """Read ``x`` as a faulty repetition and ``.`` as a correct one."""
    return tuple(mark == "x" for mark in marks)


TRAIN, TEST = "QEVD-FIT-COACH", "QEVD-FIT-COACH-Benchmark"

_ON_TOES = {"mtp_angle_r": -35.0, "mtp_angle_l": -35.0}
_ON_PALMS = {"wrist_flexion_r": -70.0, "wrist_flexion_l": -70.0}

DEMO_SESSIONS: tuple[Session, ...] = (
    Session(
        video_id="0012",
        split=TRAIN,
        build="man",
        outfit=0,
        exercises=(
            Exercise(
                rule="squat",
                spoken="squats",
                view="oblique45",
                prone=False,
                alternating=False,
                is_faulty=_pattern("xx..."),
                fault="too_shallow",
                repetition_s=2.3,
                lines=(
                    Line(2.1, "Sink deeper into these squats"),
                    Line(3.2, "That one was lovely!"),
                    Line(4.1, "That makes 4 reps!"),
                ),
            ),
            Exercise(
                rule="walking_lunges",
                spoken="walking lunges",
                view="side",
                prone=False,
                alternating=True,
                is_faulty=_pattern("x.x"),
                fault="leaning_forward",
                repetition_s=3.8,
                lines=(
                    Line(1.05, "Try not to lean so far forward"),
                    Line(2.05, "Terrific effort, well done!"),
                    Line(3.0, "Keep a straight back"),
                ),
            ),
        ),
    ),
    Session(
        video_id="0148",
        split=TRAIN,
        build="heavy",
        outfit=2,
        exercises=(
            Exercise(
                rule="pushup",
                spoken="pushups",
                view="floor_side",
                prone=True,
                alternating=False,
                is_faulty=_pattern(".xx.."),
                fault="half_way_down",
                repetition_s=2.0,
                lines=(
                    Line(1.1, "Strong start!"),
                    Line(3.1, "Get your chest lower on each push-up"),
                    Line(4.2, "4"),
                ),
                carriage_deg=_ON_TOES | _ON_PALMS,
            ),
            Exercise(
                rule="jumping_jack",
                spoken="jumping jacks",
                view="front",
                prone=False,
                alternating=False,
                is_faulty=_pattern("..xxx.."),
                fault="arms_low",
                repetition_s=1.3,
                lines=(
                    Line(2.0, "Great rhythm!"),
                    Line(4.1, "Raise both arms all the way overhead"),
                    Line(6.1, "Fantastic energy!"),
                ),
            ),
        ),
    ),
    Session(
        video_id="0150",
        split=TEST,
        build="woman",
        outfit=1,
        exercises=(
            Exercise(
                rule="squat",
                spoken="squats",
                view="side",
                prone=False,
                alternating=False,
                is_faulty=_pattern(".xx."),
                fault="too_shallow",
                repetition_s=2.2,
                lines=(
                    Line(1.1, "Beautiful work!"),
                    Line(3.1, "Bend your knees more, get lower"),
                ),
            ),
            Exercise(
                rule="plank",
                spoken="plank",
                view="floor_side",
                prone=True,
                alternating=False,
                is_faulty=_pattern("x"),
                fault="hips_sagging",
                repetition_s=8.0,
                lines=(
                    Line(0.05, "Hold still"),
                    Line(0.45, "Keep a straight line from your shoulders to your heels"),
                    Line(0.80, "Brace your core!"),
                ),
                carriage_deg=_ON_TOES,
            ),
        ),
    ),
)
