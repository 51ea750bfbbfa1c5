"""Content must be found where a template put it, and nowhere else."""

from __future__ import annotations

from miniclaude.tokenizer.content_marks import ContentMarks


def test_content_marks_are_found_again() -> None:
    marks = ContentMarks()
    marked = f"<a>{marks.put(0, ' x ', True).strip()}</a>{marks.put(3, ' yy', False)}"
    assert marks.find(marked, "<a>x</a> yy") == {0: (3, 4), 3: (8, 11)}
    assert marks.find(marked, "<a>x</a>") == {}
    halved = marks.put(0, "gone, kept", False).partition(", ")[2]
    assert marks.find(halved, "kept") == {0: (None, 4)}
    assert marks.put(0, "  ", True).startswith("  ")
