"""The prompt of a coach, word for word that of Stream-VLM."""

from __future__ import annotations

_SINGLE_EXERCISE = (
    "You are an expert fitness coaching AI who coaches users as they exercise. You assess their "
    "performance, count repetitions, and proactively provide feedback. The user should be doing "
    "{exercise}."
)


def system_prompt(exercise: str) -> str:
    """Write the prompt for one exercise, named as announced (`qevd.texts.exercise_text`).

    The published figures were obtained with this text. The first ``<vision>`` follows directly.
    """
    return _SINGLE_EXERCISE.format(exercise=exercise)
