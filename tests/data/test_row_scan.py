"""The quick look passes over no row that a stage would touch."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.clean import Cleaning
from miniclaude.data.clean_rows import FLAGS, row_stages
from miniclaude.data.personal_data import PersonalData
from miniclaude.data.plain_rows import PlainRow, read_plain
from miniclaude.data.repair import needed
from miniclaude.data.row_scan import (
    CLEAN,
    PERSONAL,
    UNEVEN,
    UNSAFE,
    UNUSUAL,
    known_words,
    scan,
    word_hash,
)
from miniclaude.data.safety import OF_ANSWERS, REQUESTS, Safety
from miniclaude.data.safety_rules import SIGNALS
from tests.data import safety_rows

PIECES = [
    *("tea ", "a cup of ", "The ", "I ", "and the", "x", "Ab", "word " * 12, "loop ", "ha" * 30),
    *(
        " ",
        "  ",
        "\t",
        "\n",
        "\n\n",
        "\n\n\n\n",
        " \n",
        "\r",
        "\x1e",
        "\x07",
        "\x7f",
        "```",
        ":",
        ",",
    ),
    *("<br>", "</p>", "<b", "&amp;", "&", "#39;", "\u00e9", "\u00c3\u00a9", "e\u0301", "\u200b"),
    *(
        "\ufffd",
        "\u00a0",
        "\u2028",
        "\u65e5\u672c",
        "As an AI, I do not know.",
        "Here is the list:",
    ),
    *("kim@firm.org", "@", "-----BEGIN PRIVATE KEY-----", "93.184.216.34", ".", "1", "12", "93."),
    *("2600:1f18:1:2::1", "20", "3ab4:", "+1 212 555 7788", "212-", "5", "4111 1111 1111 1111"),
    *("DE89 3704 0044 0532 0130 00", "078-05-1120", "sk-abcDEF123456789012345", "token=", "A1b2"),
    *("how do i ", "make ", "a bomb", "kill ", "my wife", "f*ck", "sh", "*", "$t", "bitch", "KYS"),
    *("you should kill yourself", "Sorry, I can't help.", "My Wife", "Bombs", "hack\u00e9"),
]
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)
roles = st.sampled_from(["user", "user", "assistant", "assistant", "system"])
conversations = st.lists(st.tuples(roles, texts), max_size=4)
STAGES = ((Cleaning, CLEAN), (PersonalData, PERSONAL), (Safety, UNSAFE))


def plain(*said: tuple[str, str]) -> PlainRow:
    messages = [{"role": role, "content": text} for role, text in said]
    row = read_plain(orjson.dumps({"messages": messages}))
    assert row is not None
    return row


def missed(rows: list[PlainRow]) -> list[object]:
    """Rows with a stage that was not flagged and does not leave them alone."""
    return [
        (stage.name, row.texts)
        for row, flags in zip(rows, scan(rows), strict=True)
        for stage, flag in STAGES
        if not flags & flag and stage().judge(row.example()) != row.example()
    ]


@given(st.lists(st.tuples(conversations, texts), min_size=1, max_size=4))
def test_what_is_not_flagged_needs_nothing(made: list[tuple[list[tuple[str, str]], str]]) -> None:
    """Also where two rows or two messages meet: what one begins the next must not end."""
    assert missed([plain(*said, ("assistant", last)) for said, last in made]) == []


def test_the_rows_of_the_safety_tables_are_flagged_where_they_are_rejected() -> None:
    tables = [value for value in vars(safety_rows).values() if isinstance(value, list | tuple)]
    pairs = [pair for table in tables for pair in table]
    assert len(pairs) >= 100
    asked = [pair if isinstance(pair, str) else pair[0] for pair in pairs]
    rows = [plain(("user", one), ("assistant", "Here is how: first, do it.")) for one in asked]
    assert missed(rows) == []
    assert sum(bool(flags & UNSAFE) for flags in scan(rows)) >= 50


@pytest.mark.parametrize("size", range(1, 30))
def test_every_loop_is_flagged(size: int) -> None:
    """Whatever the length of what is said again and again, in one, two and three bytes a
    character."""
    for letters in (
        "abcdefghijklmnopqrstuvwxyz ,.;",
        "\u00e0\u00e9\u00ee" * 10,
        "\u65e5\u672c\u8a9e\u306e\u6587" * 6,
    ):
        loop = letters[:size]
        rows = [
            plain(("user", "Go on."), ("assistant", "Well. " + loop * times))
            for times in range(2, 100 // size + 8)
        ]
        assert missed(rows) == []


def test_ordinary_rows_are_cleared() -> None:
    """Else the look would cost time and spare none."""
    rows = [
        plain(("user", "What is tea?"), ("assistant", "A drink.\n\nIt's made of leaves, 80 C.")),
        plain(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello! How are you?")),
        plain(("user", "How do I kill a process in Linux?"), ("assistant", "Use `kill 1234`.")),
    ]
    assert scan(rows) == [0, 0, 0]
    assert scan([]) == []


def test_the_table_holds_all_words_of_the_rules() -> None:
    """Each bit of a request has its place; two words on one hash would be one."""
    known = SIGNALS | OF_ANSWERS
    for _, request in REQUESTS:
        known |= request.doing | request.what
    assert len(REQUESTS) <= 30
    assert {word_hash(word) for word in known} == set(known_words().hashes.tolist()) - {0}
    assert len(known) == len({word_hash(word) for word in known})


def test_the_flags_are_in_the_order_of_the_stages() -> None:
    assert list(zip(map(type, row_stages()), FLAGS, strict=True)) == list(STAGES)


def test_no_character_that_needs_a_repair_counts_as_usual() -> None:
    """Rows of usual characters are not looked at again. Each stands behind a letter, as a combining
    mark would, and twice, as two that make one."""
    characters = [chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]
    rows = [plain(("user", f"a{one}{one}"), ("assistant", "Yes.")) for one in characters[:0xA000]]
    rows += [plain(("user", f"a{one}"), ("assistant", "Yes.")) for one in characters[0xA000::97]]
    usual = [row for row, flags in zip(rows, scan(rows), strict=True) if not flags & UNUSUAL]
    assert len(usual) > 20_000
    together = "".join(row.texts[0] for row in usual)
    assert needed([together]) == []


def test_only_what_is_uneven_and_nothing_else_is_flagged_as_uneven() -> None:
    """Such rows are evened without a look at what else they need."""
    for text, wanted in (("a  b", UNEVEN), ("a <b  c", 0), ("a b", 0), ("a\u200b  b", 0)):
        [flags] = scan([plain(("user", text), ("assistant", "Yes."))])
        assert flags & UNEVEN == wanted
        assert not wanted or needed([text, "Yes."]) == ["white space"]
