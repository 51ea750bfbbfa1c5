# ruff: noqa: RUF001  # odd characters are what these tests are about
"""Each repair mends what is surely broken, and leaves alone what only looks like it."""

from __future__ import annotations

import pytest

from miniclaude.data.repair import (
    drop_control,
    drop_invisible,
    drop_markup,
    even_space,
    looks_like_code,
    needed,
    normalise,
    undo_mojibake,
)

CODE = "def f():\n    if x  ==  1:\n\treturn  2\n\n\n\nprint( f() )"
FENCED = f"Like this:\n```python\n{CODE}   \n```"


@pytest.mark.parametrize(
    ("broken", "right"),
    [
        ("donâ€™t", "don\u2019t"),
        ("donâ\x80\x99t", "don\u2019t"),
        ("cafÃ©", "café"),
        ("20Â°C", "20°C"),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚ Ã©", "привет é"),
        ("ðŸ˜€", "😀"),
        ("Iâ€™m â€œfineâ€\x9d", "I\u2019m \u201cfine\u201d"),
        ("cafÃƒÂ©", "café"),  # twice
    ],
)
def test_mojibake_is_undone(broken: str, right: str) -> None:
    assert undo_mojibake(broken) == right


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "café, naïve, Ångström",
        "CAFÉ»",
        "«À la fin», dit-il à Zoë",
        "São Paulo, NÃO",
        "Â",
        "donâ€™t eat at the café",  # the right é proves that it is no round trip
        "日本語",
        "𝒳 â€™",
    ],
)
def test_what_is_not_proven_to_be_mojibake_stays(text: str) -> None:
    """A text that merely can be read another way must not be: `CAFÉ»` also is UTF-8 for U+027B."""
    assert undo_mojibake(text) == text


def test_composed_form_changes_no_meaning() -> None:
    """NFKC would turn x² into x2."""
    assert normalise("e\u0301") == "é"
    assert normalise("x² + ½, ｆｕｌｌ, ﬁ") == "x² + ½, ｆｕｌｌ, ﬁ"


def test_invisible_characters_go_and_joiners_that_matter_stay() -> None:
    assert drop_invisible("a\u200bb\ufeffc\u00add\u202ee\u2060f") == "abcdef"
    assert drop_invisible("a\u200db") == "ab"
    assert drop_invisible("hidden\U000e0041\U000e0042") == "hidden"
    assert drop_invisible("a\u00a0b\u2009c") == "a b c"
    for kept in ("👩\u200d💻", "می\u200cخواهم", "🏴\U000e0067\U000e0062\U000e007f"):
        assert drop_invisible(kept) == kept


def test_control_characters_go_and_line_ends_are_line_feeds() -> None:
    assert (
        drop_control("a\x00b\x07c\x1b[31mred\x1b[0m\td\r\ne\rf\u2028g\x7f") == "abcred\td\ne\nf\ng"
    )


def test_scraped_markup_goes() -> None:
    assert drop_markup("<p>One</p><p>Two &amp; three</p>") == "One\nTwo & three\n"
    assert drop_markup("a<br/>b<br>c") == "a\nb\nc"
    assert drop_markup('<div class="x"><b>bold</b></div>') == "bold\n"
    assert drop_markup("<ul><li>one</li><li>two</li></ul>") == "\n- one\n- two\n"
    assert drop_markup("Tom&nbsp;&quot;T&quot; &#39;s") == 'Tom "T" \'s'


@pytest.mark.parametrize(
    "text",
    [
        "if a < b and c > d then",
        "Dear <name>, take the <b> road",
        "`<p>` starts a paragraph</p>",
        "```html\n<p>hi</p>\n```",
        "function f() {\n  return '<p>x</p>';\n}",
        "AT&T and R&D; see &unknown;",
        "H<sub>2</sub>O",
    ],
)
def test_what_may_be_meant_stays(text: str) -> None:
    assert drop_markup(text) == text


def test_space_is_evened_in_prose() -> None:
    assert even_space("  One  two. \n\n\n\n\nThree\t\n") == "One two.\n\n\nThree"


def test_code_keeps_its_space() -> None:
    """Indentation is syntax; a model that learns code without it writes code that does not run."""
    assert even_space(FENCED) == FENCED
    assert even_space("    indented\n        more") == "    indented\n        more"
    assert even_space("for x in y:\n    f(x)  # why") == "for x in y:\n    f(x)  # why"
    assert even_space("name   | age\nAda    | 36") == "name   | age\nAda    | 36"


def test_code_is_known_by_its_marks() -> None:
    assert looks_like_code(CODE)
    assert not looks_like_code("One line.\nAnother, and (so) on: 3 < 4.")


def test_the_quick_look_names_what_may_be_needed() -> None:
    """It spares most rows every regular expression: it must never miss what a repair would do."""
    assert needed(["A right text.", "Another,\nof two lines.", "Größe"]) == []
    assert needed(["a\x00b"]) == ["control characters", "white space"]
    assert needed(["a\rb"]) == ["control characters", "white space"]
    assert needed(["a\x1eb"]) == ["control characters", "white space"]
    assert needed(["cafÃ©"]) == ["mojibake", "white space"]
    assert needed(["e\u0301"]) == ["unicode form", "white space"]
    assert needed(["a\u200bé"]) == ["invisible characters", "white space"]
    assert needed(["é\x85"]) == ["control characters", "white space"]
    assert needed(["<p>x</p>"]) == ["markup", "white space"]
    for text in ("a  b", " a", "a ", "a \nb", "a\n", "\ta", "a\n\n\n\nb", "a\t\nb"):
        assert needed([text]) == ["white space"], text
