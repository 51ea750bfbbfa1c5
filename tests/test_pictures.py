"""Pictures are what their first bytes say, and nothing is decoded to find out."""

from __future__ import annotations

from contextlib import suppress

import pytest

from miniclaude.pictures import MAX_BYTES, PictureError, read_base64, read_data_url, read_picture
from tests.picture_file import PNG, data_url, encoded, make_gif, make_jpeg, make_png, make_webp

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (make_png(300, 200), "image/png"),
        (make_jpeg(300, 200), "image/jpeg"),
        (make_gif(300, 200), "image/gif"),
        (make_webp("VP8 ", 300, 200), "image/webp"),
        (make_webp("VP8L", 300, 200), "image/webp"),
        (make_webp("VP8X", 300, 200), "image/webp"),
    ],
)
def test_a_header_tells_kind_and_sides(data: bytes, media_type: str) -> None:
    found = read_picture(data)
    assert (found.media_type, found.width, found.height) == (media_type, 300, 200)
    assert found.data == data
    assert read_data_url(data_url(data, media_type)) == found
    # What stands behind the header is none of our business: it stays a picture.
    assert read_picture(data + HTML).media_type == media_type
    for end in range(len(data)):  # cut off anywhere, it is a picture still or none, and no crash
        with suppress(PictureError):
            assert read_picture(data[:end]).media_type == media_type


@pytest.mark.parametrize("data", [b"", SVG, HTML, b"GIF88a" + bytes(9), b"BM" + bytes(99), PNG[1:]])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(PictureError, match="no picture that is taken: it must be PNG, JPEG, WebP"):
        read_picture(data)


def test_sides_are_bounded() -> None:
    """A few bytes may claim four billion pixels a side, which somebody would decode."""
    for sides in ((8_001, 2), (2, 8_001), (0, 2), (2**32 - 1, 2**32 - 1)):
        with pytest.raises(PictureError, match="each side must have from 1 to 8,000"):
            read_picture(make_png(1, 1)[:16] + b"".join(n.to_bytes(4, "big") for n in sides))
    assert read_picture(make_gif(8_000, 8_000)).width == 8_000


def test_what_is_too_large_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> bytes:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("miniclaude.pictures.base64.b64decode", decode)
    with pytest.raises(PictureError, match="larger than 3,750,000 bytes"):
        read_base64("image/png", "A" * 5_000_004)
    with pytest.raises(PictureError, match="larger than 3,750,000 bytes"):
        read_picture(PNG + bytes(3_750_000))


def test_the_largest_is_taken_by_services_that_measure_base64() -> None:
    """Anthropic refuses more than 5 MB of base64, and the chat would store what nobody takes."""
    largest = read_picture(PNG + bytes(MAX_BYTES - len(PNG)))
    assert len(largest.base64) == 5_000_000
    assert read_base64("image/png", largest.base64) == largest


def test_a_jpeg_that_leads_nowhere_is_given_up() -> None:
    """Millions of fillers, or of empty segments, would hold the server up."""
    for rest in (b"\xff" * 3_700_000, b"\xff\xe0\x00\x02" * 900_000, b"\xff\xe0\x00\x00"):
        with pytest.raises(PictureError, match="no picture that is taken"):
            read_picture(b"\xff\xd8\xff\xe0\x00\x02" + rest)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://x.example/a.png", "an address, and none is fetched; send the picture itself"),
        ("http://169.254.169.254/a.png", "none is fetched"),
        ("file:///etc/passwd", "none is fetched"),
        ("data:image/png,abc", "none is fetched"),
        (f"data:image/svg+xml;base64,{encoded(SVG)}", "it must be one of image/png, image/jpeg"),
        (f"data:text/html;base64,{encoded(HTML)}", "it must be one of image/png"),
        (f"data:image/jpeg;base64,{encoded(PNG)}", "says that it is image/jpeg, and is image/png"),
        (f"data:image/png;base64,{encoded(SVG)}", "no picture that is taken"),
        ("data:image/png;base64,iVBORw0KGgo*", "is not base64"),
        ("data:image/png;base64,é", "is not base64"),
        ("data:image/png;base64,", "no picture that is taken"),
    ],
)
def test_addresses_and_claims_are_refused_in_words(url: str, told: str) -> None:
    with pytest.raises(PictureError, match=told.replace("+", r"\+")):
        read_data_url(url)
