"""The fonts in which a unit writes the names of terminals into composed pictures."""

from __future__ import annotations

import contextlib

from PIL import ImageFont

_CHINESE = "NotoSansCJK-Regular.ttc"
_FONTS = (_CHINESE, "DejaVuSans.ttf")
"""The first of these fonts that the machine has writes the names; without any, one of Pillow's own, Latin alone."""


def font_of(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a font for the names of terminals in pictures; `size`: its height in pixels.

    The first of _FONTS that is installed is taken, else the library's own.
    """
    for name in _FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def has_chinese() -> bool:
    """Return whether this machine has the font for Chinese names."""
    with contextlib.suppress(OSError):
        return bool(ImageFont.truetype(_CHINESE))
    return False
