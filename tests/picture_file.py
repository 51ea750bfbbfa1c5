"""Pictures made by hand: as small as their formats allow, with sides that a test chooses."""

from __future__ import annotations

import base64
import struct
import zlib


def make_png(width: int = 3, height: int = 2, color: bytes = b"\x28\x5a\xc8") -> bytes:
    """A whole picture of one colour, which browsers draw."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        length, check = len(data), zlib.crc32(kind + data)
        return struct.pack(">I", length) + kind + data + struct.pack(">I", check)

    rows = (b"\x00" + color * width) * min(height, 500)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def make_jpeg(width: int = 3, height: int = 2) -> bytes:
    """A header with a thumbnail's segment, a filler and the frame; no pixels."""
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xe1\x00\x06exif\xff\xff\xc0" + frame + b"\xff\xda\x00\x02"


def make_gif(width: int = 3, height: int = 2) -> bytes:
    """A header alone."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def make_webp(kind: str = "VP8 ", width: int = 3, height: int = 2) -> bytes:
    """A header of one of the three forms."""
    if kind == "VP8 ":
        body = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width | 0x4000, height)
    elif kind == "VP8L":
        body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(5)
    else:
        body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = kind.encode() + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def encoded(data: bytes) -> str:
    """In base64."""
    return base64.b64encode(data).decode()


def data_url(data: bytes, media_type: str = "image/png") -> str:
    """As a `data:` address."""
    return f"data:{media_type};base64,{encoded(data)}"


PNG = make_png()
PNG_URL = data_url(PNG)
