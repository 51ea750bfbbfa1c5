"""Calls read out of an answer, however its text is cut into pieces."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.messages import (
    ChosenLogprob,
    Finished,
    FinishReason,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from miniclaude.providers.tool_answers import CallReader
from miniclaude.tokenizer.tool_format import ANY_ID, PLAIN, ToolFormat

BARE = ToolFormat('{"name": "', '", "parameters": ', "}", None, "")
LISTED = ToolFormat(
    '[TOOL_CALLS] [{"name": "',
    '", "arguments": ',
    f', "id": "{ANY_ID}"}}]',
    f', "id": "{ANY_ID}"}}, {{"name": "',
    "[TOOL_CALLS]",
)
NAMED = ToolFormat("[TOOL_CALLS]", "[ARGS]", "", "[TOOL_CALLS]", "[TOOL_CALLS]")

Calls = list[tuple[str, str]]


def read(form: ToolFormat, pieces: list[str], reason: FinishReason = "stop") -> list[StreamEvent]:
    reader = CallReader(0, form)
    events = [event for piece in pieces for event in reader.push(piece)]
    return [*events, *reader.finish(reason)]


def said(events: list[StreamEvent]) -> tuple[str, Calls, str]:
    """The text, the calls put together as a client does, and the finish reason."""
    text, finish = "", ""
    calls: Calls = []
    for event in events:
        if isinstance(event, TextDelta):
            assert not calls, "text after a call has no place in an answer"
            text += event.text
        elif isinstance(event, ToolCallDelta):
            if event.name is not None:
                assert event.id is not None
                assert event.id.startswith("call_")
                assert event.arguments == "", "the first delta only names"
                assert event.call_index == len(calls)
                calls.append((event.name, ""))
            else:
                assert event.id is None
                name, arguments = calls[event.call_index]
                calls[event.call_index] = name, arguments + event.arguments
        elif isinstance(event, Finished):
            finish = event.reason
    return text, calls, finish


def written(form: ToolFormat, text: str, calls: Calls) -> str:
    """An answer in this form."""
    answer = text
    for n, (name, arguments) in enumerate(calls):
        lead = form.before if n == 0 else form.middle or ""
        answer += f"{lead}{name}{form.between}{arguments}"
    if calls:
        answer += form.after
    return answer.replace(ANY_ID, "a1b2c3d4e")


ODD = '{"a": "}] \\" <tool_call> [TOOL_CALLS]", "b": [{"c": {}}], "é": "\\\\"}'
FORMS = [PLAIN, BARE, LISTED, NAMED]


@given(
    form=st.sampled_from(FORMS),
    text=st.sampled_from(["", "Let me see: <tool", "[TOOL_ <a> {x}", "é\n\n"]),
    calls=st.lists(st.sampled_from([("add", "{}"), ("a-b_C", ODD)]), max_size=3),
    cuts=st.lists(st.integers(0, 400), max_size=30),
)
def test_any_pieces_give_the_same(
    form: ToolFormat, text: str, calls: Calls, cuts: list[int]
) -> None:
    """A mark, a name or an escape may be cut anywhere between two tokens."""
    if form is BARE:
        calls = calls[:1]
        text = "" if calls else text
    whole = written(form, text, calls)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    found = said(read(form, pieces))
    assert found == (text.rstrip() if calls else text, calls, "tool_calls" if calls else "stop")


@pytest.mark.parametrize("form", FORMS)
def test_a_name_may_be_as_long_as_at_anthropics(form: ToolFormat) -> None:
    """`/messages` lets a tool have 128 characters. A call of one whose name the reader does not
    take for one is dropped, and leaves an answer that says nothing."""
    call = ("mcp__" + "x" * 123, "{}")
    assert said(read(form, [written(form, "", [call])])) == ("", [call], "tool_calls")


def test_text_is_not_held_back_longer_than_it_must_be() -> None:
    """A reader that waited for the whole answer would make a chat with tools stand still."""
    reader = CallReader(0, PLAIN)
    assert list(reader.push("So ")) == [TextDelta(0, "So")]
    assert list(reader.push("it <")) == [TextDelta(0, " it")]
    assert list(reader.push("b>")) == [TextDelta(0, " <b>")]
    assert list(reader.push("\n<tool_call")) == []
    assert list(reader.push(">\n")) == []
    events = list(reader.push('{"name": "f", "arguments": {"a'))
    assert [type(event) for event in events] == [ToolCallDelta, ToolCallDelta]


def test_arguments_stream_as_they_come() -> None:
    pieces = [written(PLAIN, "", [("f", "{")])[: -len(PLAIN.after)], '"a": ', "1}", "}\n"]
    events = read(PLAIN, pieces)
    parts = [event.arguments for event in events if isinstance(event, ToolCallDelta)]
    assert parts == ["", "{", '"a": ', "1}"]


@pytest.mark.parametrize("cut", [5, 30, 44, 52])
def test_a_call_that_is_cut_off_says_length(cut: int) -> None:
    """What has no name yet is no call; what has one keeps what was written of its arguments."""
    whole = written(PLAIN, "", [("weather", '{"city": "Bern"}')])
    text, calls, finish = said(read(PLAIN, [whole[:cut]], "length"))
    assert finish == "length"
    if cut > 50:
        assert calls == [("weather", '{"city"')]
    elif cut > 40:
        assert calls == []
        assert text == ""
    assert not any(json.dumps(call).count("tool_call") for call in calls)


def test_log_probabilities_go_with_text_alone() -> None:
    entry = (ChosenLogprob(TokenLogprob("x", b"x", -0.5)),)
    reader = CallReader(0, PLAIN)
    assert list(reader.push("a", entry)) == [TextDelta(0, "a", entry)]
    assert list(reader.push(" ", entry)) == []
    assert list(reader.push("<tool_call>", entry)) == []
    assert list(reader.push("\n", entry)) == []


def entries(pieces: list[str]) -> list[tuple[ChosenLogprob, ...]]:
    """One for each piece, which it names."""
    return [(ChosenLogprob(TokenLogprob(piece, b"", -0.5)),) for piece in pieces]


@given(
    text=st.sampled_from(["Let me <tool see  ", "<", "é <tool_cal", " "]),
    calls=st.sampled_from([[], [("add", "{}")]]),
    cuts=st.lists(st.integers(0, 60), max_size=30),
)
def test_no_log_probability_is_lost_or_told_before_its_text(
    text: str, calls: Calls, cuts: list[int]
) -> None:
    """An empty delta that brings only them looks to a client like a message before the call."""
    whole = written(PLAIN, text, calls)
    pieces = [whole[a:b] for a, b in pairwise(sorted({0, len(whole), *cuts})) if a < len(whole)]
    reader, told = CallReader(0, PLAIN), []
    events = [e for p, lp in zip(pieces, entries(pieces), strict=True) for e in reader.push(p, lp)]
    events += reader.finish("stop")
    said_so_far = ""
    for event in events:
        if isinstance(event, TextDelta):
            assert event.text
            said_so_far += event.text
            told += [entry.chosen.token for entry in event.logprobs]
            assert whole.startswith(said_so_far)
            assert len("".join(told[:-1])) < len(said_so_far) or not told
    assert told == pieces[: len(told)]
    if not calls:
        assert told == pieces


def test_log_probabilities_without_text_come_with_the_next() -> None:
    """Half of a character is a token, and says nothing yet; the token that ends an answer never."""
    (half,), (rest,), (end,) = entries(["half", "rest", "end"])
    reader = CallReader(0, PLAIN)
    assert list(reader.push("", (half,))) == []
    assert list(reader.push("é", (rest,))) == [TextDelta(0, "é", (half, rest))]
    assert list(reader.push("", (end,))) == []
    assert list(reader.finish("stop")) == [TextDelta(0, "", (end,)), Finished(0, "stop")]


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_that_must_call_tells_no_piece_of_its_mark(form: ToolFormat) -> None:
    """`max_tokens` may cut it anywhere; `<tool_c` is nothing that was said."""
    whole = written(form, " ", [("add", '{"a": 1}')])
    for cut in range(len(whole)):
        reader = CallReader(0, form, must_call=True)
        events = [event for piece in whole[:cut] for event in reader.push(piece, entries(["x"])[0])]
        events += reader.finish("length")
        assert not any(isinstance(event, TextDelta) for event in events)
        assert events[-1] == Finished(0, "length")


@pytest.mark.parametrize("answer", ['{"x": 1}', '{"name": 7}', '{"name": "Ann Lee"}', '{"na', "{"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_json_that_is_no_call_is_text(answer: str, size: int) -> None:
    """A form without a mark begins as an answer in JSON does, and that was lost whole."""
    pieces = [answer[start : start + size] for start in range(0, len(answer), size)]
    assert said(read(BARE, pieces)) == (answer, [], "stop")
