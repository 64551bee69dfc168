"""Digits as text: one character for each pixel, darker ink as a heavier character."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

INK = " .:*#@"
SIDE = 8
BRIGHTEST = 16


def draw(image: np.ndarray) -> list[str]:
    """The rows of an image of 64 values from 0 to 16."""
    steps = (image.reshape(SIDE, SIDE) * (len(INK) - 1) / BRIGHTEST).round().astype(int)
    return ["".join(INK[step] for step in row) for row in steps]


def side_by_side(images: Sequence[np.ndarray], gap: str = "   ") -> list[str]:
    """Several images in one strip of text, eight lines high."""
    return [gap.join(rows).rstrip() for rows in zip(*(draw(image) for image in images), strict=True)]
