"""What is personal is masked; what only looks like it stays."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.data.personal_data import PersonalData, candidates, mask, mask_data
from miniclaude.data.rejection import Rejection
from miniclaude.messages import Message, TextPart, ToolCall, text_message

PLACE = Place("rows.jsonl", 1)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to joe.smith+x@mail.co.uk.", "Write to [EMAIL]."),
        ("<Ann@Uni-Wien.at>, ann_b@x.io", "<[EMAIL]>, [EMAIL]"),
        ("Call 415-267-8890 now", "Call [PHONE] now"),
        ("(415) 267-8890 or +1 415 267 8890", "[PHONE] or [PHONE]"),
        ("+44 20 7946 0958, +49-30-901820", "[PHONE], [PHONE]"),
        ("my number is 415 267 8890", "my number is [PHONE]"),
        ("call 4152678890", "call [PHONE]"),
        ("text me at 267-8890", "text me at [PHONE]"),
        ("Visa 4111 1111 1111 1111.", "Visa [CARD]."),
        ("5500005555555559, 3782 822463 10005", "[CARD], [CARD]"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN [IBAN]"),
        ("GB29NWBK60161331926819", "[IBAN]"),
        ("SSN 123-45-6789", "SSN [ID]"),
        ("key sk-proj-a8f7D9e8b7f9c8e7f9a8", "key [KEY]"),
        ("ghp_a8f7D9e8b7f9c8e7f9a8f7D9e8b7f9c8e7f9", "[KEY]"),
        ("AKIAIOSFODNN7EXAMPLE is leaked", "[KEY] is leaked"),
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer [KEY]"),
        ("api_key = 'a8f7d9e8c7b9d8e7f9a8d7f0'", "api_key = '[KEY]'"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nx", "[KEY]\nx"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", "[KEY]"),
        ("server 93.184.216.34:80", "server [IP]:80"),
        ("2606:2800:220:1:248:1893:25c8:1946", "[IP]"),
    ],
)
def test_it_is_found_and_masked(text: str, masked: str) -> None:
    found: Counter[str] = Counter()
    assert mask(text, found) == masked
    assert found.total() == masked.count("[")


@pytest.mark.parametrize(
    "text",
    [
        "on 2021-01-01 at 12:30:45, 01/02/2003 or 1999-12-31",
        "ISBN 978-3-16-148410-0, 0-306-40615-2",
        "version 5.6.7.8, v10.0.19041.1, Python 3.11.7",
        "$415.267.8890 and 1,234,567.89 and 3.14159265358979",
        "the years 2001 2002 2003 2004, 1994-1996 1996-1998",
        "the numbers 250 300 4000 and 4152678890",
        "4111 1111 1111 1112 fails the check",
        "DE89 3704 0044 0532 0130 01 fails the check",
        "for fiction: 555-0142, 212-555-0199",
        "you@example.com, root@localhost, git@github.com:me/it.git, @handle, a @ b",
        "127.0.0.1, 192.168.0.1, 10.1.2.3, 203.0.113.9, 8.8.8.8, 256.1.1.1",
        "::1, fe80::1, 2001:db8::1, std::vector, 10:30:45",
        "sk-learn, skeleton, ghp_, AKIA, tokenizer.encode_plus_with_long_name",
        "token = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
        "x = 1234567890123456",
        "ACGTACGTACGTACGTACGTACGTACGT and 0000000000000000",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask(text) == text


def test_the_quick_look_never_misses_what_the_patterns_find() -> None:
    """The patterns run only where the quick look says so."""
    kinds = {pattern.kind for pattern in candidates("a@b.cd 123.45.67.89 4111111111111111 1:2:3:4")}
    assert kinds == {"email", "ip", "iban", "card", "id", "phone", "key"}
    assert candidates("A harmless text of 12 words, from 1999: (see 3.1).") == []


def test_every_text_of_a_row_is_masked_and_the_rest_is_the_same() -> None:
    call = ToolCall("1", "send", '{"to": "ann@mail.org", "phone": 4152678890, "count": 3}')
    example = Example(
        PLACE,
        (
            text_message("system", "You serve bob@mail.org."),
            text_message("user", "Write to ann@mail.org"),
            Message("assistant", (), (call,)),
            Message("tool", (TextPart('{"sent": true, "ip": "93.184.216.34"}'),), tool_call_id="1"),
            text_message("assistant", "Done: ann@mail.org has it."),
        ),
    )
    stage = PersonalData()
    masked = stage.judge(example)
    assert [message.text for message in masked.messages] == [
        "You serve [EMAIL].",
        "Write to [EMAIL]",
        "",
        '{"sent": true, "ip": "[IP]"}',
        "Done: [EMAIL] has it.",
    ]
    arguments = json.loads(masked.messages[2].tool_calls[0].arguments)
    assert arguments == {"to": "[EMAIL]", "phone": "[PHONE]", "count": 3}
    assert stage.report() == {
        "rows": 1,
        "changed": 1,
        "masked": {"email": 4, "phone": 1, "ip": 1},
    }


def test_a_report_never_says_a_value() -> None:
    stage = PersonalData()
    list(stage.run([Example(PLACE, text="ann@mail.org, 415-267-8890")]))
    assert "ann" not in json.dumps(stage.report())
    assert "8890" not in json.dumps(stage.report())


def test_rows_without_anything_are_the_very_same_and_rejections_pass() -> None:
    rejection = Rejection(PLACE, "bad", "bad", "mend", "")
    example = Example(PLACE, (text_message("user", "Hi @all"), text_message("assistant", "Hey!")))
    assert [
        item is other
        for item, other in zip(
            PersonalData().run([rejection, example]), [rejection, example], strict=True
        )
    ] == [True, True]


def test_arguments_that_are_no_json_are_masked_as_text() -> None:
    assert mask_data("to: ann@mail.org") == "to: [EMAIL]"
    assert mask_data('"ann@mail.org"') == '"[EMAIL]"'
    assert mask_data("[" * 100_000) == "[" * 100_000
    assert mask_data('{"a":  1}') == '{"a":  1}'


@pytest.mark.parametrize("unit", ["1", "-", "a@", "1-", "a.b", "eyJ", "sk-", "1 ", "AB12 ", "a@a."])
def test_a_megabyte_of_almost_something_is_no_denial_of_service(unit: str) -> None:
    """Each pattern is bounded: a text of its beginnings alone is passed in one go. Were one not,
    this test would hang."""
    text = unit * (1_000_000 // len(unit))
    assert "[KEY]" not in mask(text)
