"""Draw marks on a picture with Pillow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import EnvironmentProblem
from qevd_bio.skeleton.dofs import JOINT_NAMES, PARENTS
from qevd_bio.views.overlay_marks import INSET_SHARE, Marks

RgbImage = NDArray[np.uint8]
Colour = tuple[int, int, int]

_SIDE_COLOURS: dict[str, Colour] = {"_r": (255, 145, 0), "_l": (60, 160, 255)}
_MIDDLE: Colour = (245, 245, 245)
_HELD: Colour = (150, 150, 150)
_FAULT: Colour = (235, 30, 45)
_EDGE: Colour = (10, 10, 10)
_PANEL, _FAULT_PANEL = (0, 0, 0, 150), (*_FAULT, 190)

HELD_WORDS = "nobody seen: pose held"
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
    """Draws marks on pictures of one size.

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

    def __call__(self, picture: RgbImage, marks: Marks) -> RgbImage:
        """Return the picture (H, W, 3) with its marks; the input stays as it is."""
        image = self._image.fromarray(picture)
        draw = self._draw.Draw(image, "RGBA")
        if not marks.in_place:
            corner = [side - INSET_SHARE * min(self._size) for side in self._size]
            draw.rectangle([*corner, *self._size], fill=_PANEL)
        self._skeleton(draw, marks)
        for label in marks.labels:
            self._label(draw, marks, label.joint, label.text, label.is_fault)
        notes = [] if marks.seen else [HELD_WORDS]
        notes += [] if marks.in_place else [NO_PLACE_WORDS]
        self._panel(draw, 0, [*marks.lines, *notes], _PANEL, marks.phase)
        faults = list(marks.faults)
        below = self._size[1] - self._height(len(faults)) - 2 * self._line
        self._panel(draw, below, faults, _FAULT_PANEL, None)
        return np.asarray(image)

    def _skeleton(self, draw: Any, marks: Marks) -> None:  # noqa: ANN401  Pillow's own class
        ends = [
            (marks.joints_px[parent], marks.joints_px[joint], JOINT_NAMES[joint])
            for joint, parent in enumerate(PARENTS)
            if parent >= 0
        ]
        drawn = [(a, b, name) for a, b, name in ends if np.isfinite([a, b]).all()]
        for extra, edge in ((2, True), (0, False)):
            for a, b, name in drawn:
                colour = _EDGE if edge else self._colour(name, marks.seen)
                width = self._line + extra
                draw.line([tuple(a), tuple(b)], fill=colour, width=width)
                self._dot(draw, b, width / 2.0 + (0 if edge else 1), colour)

    def _colour(self, joint: str, seen: bool) -> Colour:
        return _SIDE_COLOURS.get(joint[-2:], _MIDDLE) if seen else _HELD

    def _dot(self, draw: Any, at: NDArray[np.float64], radius: float, colour: Colour) -> None:  # noqa: ANN401
        x, y = at
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)

    def _label(self, draw: Any, marks: Marks, joint: int, text: str, is_fault: bool) -> None:  # noqa: ANN401
        at = marks.joints_px[joint]
        if not np.isfinite(at).all():
            return
        if is_fault:
            x, y = at
            radius = 3.0 * self._line
            draw.ellipse(
                [x - radius, y - radius, x + radius, y + radius], outline=_FAULT, width=self._line
            )
        if not text or not marks.in_place:
            return
        outwards = 1.0 if at[0] >= marks.joints_px[0, 0] else -1.0
        width = draw.textlength(text, font=self._font)
        x = at[0] + outwards * 4.0 * self._line - (width if outwards < 0 else 0.0)
        x, y = min(max(x, 0.0), self._size[0] - width), at[1] - 0.6 * self._letters
        ground = (*_FAULT, 255) if is_fault else _PANEL
        draw.rectangle([x - 2, y, x + width + 2, y + 1.2 * self._letters], fill=ground)
        draw.text((x, y), text, font=self._font, fill=_MIDDLE)

    def _height(self, lines: int) -> int:
        return round(self._letters * (1.3 * lines + 0.5)) if lines else 0

    def _panel(
        self,
        draw: Any,  # noqa: ANN401
        top: int,
        lines: list[str],
        ground: tuple[int, ...],
        phase: float | None,
    ) -> None:
        """Write lines on a ground, with a bar for the phase below them."""
        if not lines:
            return
        margin = self._letters / 2.0
        width = max(draw.textlength(line, font=self._font) for line in lines) + 2.0 * margin
        bottom = top + self._height(len(lines))
        draw.rectangle([0, top, width, bottom + self._line * 2], fill=ground)
        for number, line in enumerate(lines):
            place = (margin, top + margin / 2.0 + 1.3 * self._letters * number)
            draw.text(place, line, font=self._font, fill=_MIDDLE)
        if phase is not None:
            draw.rectangle([0, bottom, width * phase, bottom + self._line * 2], fill=_MIDDLE)
