"""Pictures as people send them: PNG, JPEG, WebP and GIF, told by their headers.

Nothing here decodes pixels: who sends a picture on needs its kind, its size and its sides, and a
decoder fed with strangers' files is a door that need not be there. What a picture is called says
nothing; what it is, its first bytes say.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MAX_BYTES = 3_750_000
"""In base64, 5,000,000: there Anthropic measures."""
MAX_SIDE = 8_000
"""Pixels. Services that see refuse what is larger than these two."""

ABOUT_TOKENS = 1_600
"""What a picture costs a model that sees, about and at most; every service counts its own way."""

MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")
KINDS = "PNG, JPEG, WebP or GIF"

_NO_SIZE = frozenset({0xD8, 0x01, *range(0xD0, 0xD8)})
"""JPEG's markers that stand alone."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers that tell the sides."""
_MAX_SEGMENTS = 4_000
"""Of a JPEG, that are walked: real ones have a few dozen before the pixels."""


class PictureError(ValueError):
    """What is wrong with a picture, as the rest of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture whose header was read. width, height: pixels."""

    media_type: str
    width: int
    height: int
    data: bytes = field(repr=False)

    @property
    def base64(self) -> str:
        """The bytes, as JSON can carry them."""
        return base64.b64encode(self.data).decode()


def read_picture(data: bytes) -> Picture:
    """The picture that `data` is. Raises PictureError."""
    if len(data) > MAX_BYTES:
        raise _too_large()
    media_type, sides = next(
        ((kind, sides) for kind, read in _READERS.items() if (sides := read(data))), ("", None)
    )
    if sides is None:
        raise PictureError(f"is no picture that is taken: it must be {KINDS}")
    width, height = sides
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise PictureError(
            f"has {width:,} by {height:,} pixels; each side must have from 1 to {MAX_SIDE:,}"
        )
    return Picture(media_type, width, height, data)


def read_base64(media_type: str, text: str) -> Picture:
    """The picture in a base64 text, which must be what it claims to be. Its length is looked at
    before anything is decoded. Raises PictureError."""
    if media_type not in MEDIA_TYPES:
        raise PictureError(f"is {media_type[:40]!r}; it must be one of {', '.join(MEDIA_TYPES)}")
    if len(text) > (MAX_BYTES + 2) // 3 * 4:
        raise _too_large()
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PictureError("is not base64") from None
    picture = read_picture(data)
    if picture.media_type != media_type:
        raise PictureError(f"says that it is {media_type}, and is {picture.media_type}")
    return picture


def read_data_url(url: str) -> Picture:
    """The picture in a `data:` address. Raises PictureError, for other addresses too: nothing is
    ever fetched."""
    head, comma, text = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise PictureError(
            "is no picture but an address, and none is fetched; send the picture itself, as"
            " data:image/png;base64,…"
        )
    return read_base64(head.removeprefix("data:").removesuffix(";base64"), text)


def _too_large() -> PictureError:
    return PictureError(f"is larger than {MAX_BYTES:,} bytes; send a smaller one")


def _png(data: bytes) -> tuple[int, int] | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _gif(data: bytes) -> tuple[int, int] | None:
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 10:
        return None
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            sides = int.from_bytes(data[26:28], "little"), int.from_bytes(data[28:30], "little")
            return sides[0] & 0x3FFF, sides[1] & 0x3FFF  # the upper two bits scale
        case b"VP8L" if data[20] == 0x2F:
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, height = data[24:27], data[27:30]
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if data[:3] != b"\xff\xd8\xff":
        return None
    for marker, body in _jpeg_segments(data):
        if marker in _FRAMES and len(body) >= 5:
            return int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments before the pixels. Each is passed over as its length says; one that lies about
    it ends the walk."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # a filler
            at += 1
            continue
        if marker in _NO_SIZE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or marker == 0xDA:
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


_READERS: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/gif": _gif,
}
"""Width and height by media type; None where the bytes are something else."""
