"""Draw the skeleton and its labels on a picture with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.skeleton.dofs import JOINT_NAMES, PARENTS
from qevd_bio.views.overlay.frame_marks import FrameMarks, Label
from qevd_bio.views.overlay.project_joints import INSET_SHARE

Colour = tuple[int, int, int]

_SIDE_COLOURS: dict[str, Colour] = {"_r": (255, 145, 0), "_l": (60, 160, 255)}
_MIDDLE: Colour = (245, 245, 245)
_HELD: Colour = (150, 150, 150)
_VIOLATION: Colour = (235, 30, 45)
_EDGE: Colour = (10, 10, 10)
_PANEL, _VIOLATION_PANEL = (0, 0, 0, 150), (*_VIOLATION, 190)

GLYPHS = str.maketrans("−–", "--")
"""Replaces characters that Pillow's own font lacks."""

HELD_WORDS = "no person detected: pose held"
NO_PLACE_WORDS = "place in the picture unknown"


def imaging() -> tuple[Any, Any, Any]:
    """Import Pillow's Image, ImageDraw and ImageFont; `EnvironmentProblem` where it is absent."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise EnvironmentProblem(
            f"drawing on pictures needs pillow ({error})",
            where="overlay",
            next_step='Run: pip install "qevd-bio[plot]"',
        ) from error
    return Image, ImageDraw, ImageFont


class Painter:
    """Draws the marks of frames on pictures of one size.

    Parameters
    ----------
    size_px : tuple of int
        Width and height; line widths and letters follow the shorter side.
    """

    def __init__(self, size_px: tuple[int, int]) -> None:
        self._image, self._draw, fonts = imaging()
        self._size = size_px
        short = min(size_px)
        self._line = max(2, round(short / 120))
        self._letters = max(11, round(short / 30))
        self._font = fonts.load_default(size=self._letters)

    def __call__(self, picture: ByteArray, marks: FrameMarks) -> ByteArray:
        """Return the picture (H, W, 3) with its marks; the input stays as it is."""
        image = self._image.fromarray(picture)
        draw = self._draw.Draw(image, "RGBA")
        if not marks.in_place:
            corner = [side - INSET_SHARE * min(self._size) for side in self._size]
            draw.rectangle([*corner, *self._size], fill=_PANEL)
        self._skeleton(draw, marks)
        for label in marks.labels:
            self._label(draw, marks, label)
        notes = [] if marks.valid else [HELD_WORDS]
        notes += [] if marks.in_place else [NO_PLACE_WORDS]
        self._panel(draw, 0, (*marks.lines, *notes), _PANEL)
        if marks.phase is not None:
            self._phase_bar(draw, (*marks.lines, *notes), marks.phase)
        below = self._size[1] - self._height(marks.violations)
        self._panel(draw, below, marks.violations, _VIOLATION_PANEL)
        return np.asarray(image)

    def _skeleton(self, draw: Any, marks: FrameMarks) -> None:  # noqa: ANN401  Pillow's own class
        bones = [
            (marks.joints_px[[parent, joint]], JOINT_NAMES[joint][-2:])
            for joint, parent in enumerate(PARENTS)
            if parent >= 0 and np.isfinite(marks.joints_px[[parent, joint]]).all()
        ]
        for ends, _ in bones:
            self._bone(draw, ends, _EDGE, self._line + 2, (self._line + 2) / 2.0)
        for ends, side in bones:
            colour = _SIDE_COLOURS.get(side, _MIDDLE) if marks.valid else _HELD
            self._bone(draw, ends, colour, self._line, self._line / 2.0 + 1)

    def _bone(self, draw: Any, ends: FloatArray, colour: Colour, width: int, dot: float) -> None:  # noqa: ANN401
        draw.line([tuple(end) for end in ends], fill=colour, width=width)
        draw.ellipse([*(ends[1] - dot), *(ends[1] + dot)], fill=colour)

    def _label(self, draw: Any, marks: FrameMarks, label: Label) -> None:  # noqa: ANN401
        at = marks.joints_px[label.joint]
        if not np.isfinite(at).all():
            return
        if label.is_violation:
            ring = 3.0 * self._line
            draw.ellipse([*(at - ring), *(at + ring)], outline=_VIOLATION, width=self._line)
        if not label.text or not marks.in_place:
            return
        text = label.text.translate(GLYPHS)
        outwards = 1.0 if at[0] >= marks.joints_px[0, 0] else -1.0
        width = draw.textlength(text, font=self._font)
        x = at[0] + outwards * 4.0 * self._line - (width if outwards < 0 else 0.0)
        x, y = min(max(x, 0.0), self._size[0] - width), at[1] - 0.6 * self._letters
        ground = (*_VIOLATION, 255) if label.is_violation else _PANEL
        draw.rectangle([x - 2, y, x + width + 2, y + 1.2 * self._letters], fill=ground)
        draw.text((x, y), text, font=self._font, fill=_MIDDLE)

    def _height(self, lines: Sequence[str]) -> int:
        return round(self._letters * (1.3 * len(lines) + 0.5)) + 2 * self._line

    def _width(self, draw: Any, lines: Sequence[str]) -> float:  # noqa: ANN401
        longest = max(draw.textlength(line.translate(GLYPHS), font=self._font) for line in lines)
        return float(longest + self._letters)

    def _panel(
        self,
        draw: Any,  # noqa: ANN401
        top: int,
        lines: Sequence[str],
        ground: tuple[int, ...],
    ) -> None:
        """Write lines at the left edge on a background."""
        if not lines:
            return
        draw.rectangle([0, top, self._width(draw, lines), top + self._height(lines)], fill=ground)
        margin = self._letters / 2.0
        for number, line in enumerate(lines):
            place = (margin, top + margin / 2.0 + 1.3 * self._letters * number)
            draw.text(place, line.translate(GLYPHS), font=self._font, fill=_MIDDLE)

    def _phase_bar(self, draw: Any, lines: Sequence[str], phase: float) -> None:  # noqa: ANN401
        """Draw how far the cycle is along the bottom of the upper panel."""
        bottom, width = self._height(lines), self._width(draw, lines)
        draw.rectangle([0, bottom - 2 * self._line, width * phase, bottom], fill=_MIDDLE)
