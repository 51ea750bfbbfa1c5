"""Plain text becomes documents of whole paragraphs."""

from __future__ import annotations

from pathlib import Path

from miniclaude.data.example import Example
from miniclaude.data.reading import detect_format, read_examples
from miniclaude.data.rejection import Rejection
from miniclaude.data.text_rows import DOCUMENT


def test_documents_end_where_the_text_says(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("One.\nStill one.\n\nNext.\n\n\n\nTwo.\n<|endoftext|>\nThree.")
    items = list(read_examples(path))
    assert [item.text for item in items if isinstance(item, Example)] == [
        "One.\nStill one.\n\nNext.",
        "Two.",
        "Three.",
    ]
    assert [item.place.line for item in items] == [1, 8, 10]
    assert detect_format(path).format == "text"


def test_a_long_text_is_cut_at_paragraphs(tmp_path: Path) -> None:
    """A book in one piece would be one row; nothing is lost where it is cut."""
    path = tmp_path / "book.txt"
    paragraphs = [f"Paragraph {n}. " + "word " * 100 for n in range(100)]
    path.write_text("\n\n".join(paragraphs))
    texts = [item.text for item in read_examples(path) if isinstance(item, Example)]
    assert len(texts) > 4
    assert all(DOCUMENT <= len(text) < DOCUMENT + 1_000 for text in texts[:-1])
    assert "\n\n".join(texts) == "\n\n".join(paragraphs)


def test_a_line_that_is_not_utf8_is_named_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes(b"One.\ncaf\xe9\nTwo.\n")
    bad, good = read_examples(path)
    assert isinstance(bad, Rejection)
    assert (bad.place.line, bad.error) == (2, "invalid_utf8")
    assert isinstance(good, Example)
    assert good.text == "One.\nTwo."


def test_a_line_without_end_is_cut_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes(b"word " * 600_000)
    texts = [item.text for item in read_examples(path) if isinstance(item, Example)]
    assert sum(map(len, texts)) >= 2_900_000
    assert max(map(len, texts)) < 3 << 20
