"""Asking: tools are really run, a model that only calls comes to no answer, scripts stay in the
context."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from miniclaude.evaluation.conduct import answer_checks, sample_replies, talk_through
from miniclaude.evaluation.rules import failures
from miniclaude.evaluation.speaking import Asked, OfferedTool, Reply
from miniclaude.evaluation.suite import Check
from miniclaude.evaluation.transcript import write_transcript
from miniclaude.messages import Tool, text_message
from miniclaude.tokenizer.chat_formats import store_template
from tests.evaluation.speakers import Scripted, calling
from tests.tiny_checkpoint import write_tiny_checkpoint

DOUBLE = OfferedTool(Tool("double", "Doubles.", {}), lambda given: str(2 * int(given)))
TOOLS = {"double": DOUBLE}


def check(name: str, *tools: str, sampled: bool = False) -> Check:
    return Check(name, "kind", (text_message("user", name),), {"ends": True}, tools, sampled)


def test_a_call_is_run_and_the_final_answer_judged() -> None:
    def answer(asked: Asked) -> Reply | str:
        if asked.messages[-1].role == "tool":
            return f"It is {asked.messages[-1].text}."
        return calling("double", "21") if asked.tools else "No tools."

    speaker = Scripted(answer)
    told: list[None] = []
    checks = [check("a", "double"), check("b")]
    first, second = answer_checks(checks, speaker, TOOLS, told=lambda: told.append(None))
    assert (first.text, first.ended) == ("It is 42.", True)
    assert [(call.name, call.arguments, call.result) for call in first.calls] == [
        ("double", "21", "42")
    ]
    assert (second.text, second.calls) == ("No tools.", ())
    assert len(told) == 2  # each check once, whatever it took
    call, result = speaker.asked[-1].messages[-2:]
    assert call.tool_calls[0].id == result.tool_call_id


def test_a_model_that_only_calls_is_stopped() -> None:
    # The last time nothing is offered; a model that calls even then has no answer.
    speaker = Scripted(lambda asked: calling("double", "1", "Let me see."))
    [answered] = answer_checks([check("a", "double")], speaker, TOOLS)
    assert (answered.text, answered.ended, len(answered.calls)) == ("", False, 4)
    assert [bool(one.tools) for one in speaker.asked] == [True, True, True, False]


def test_a_tool_that_was_not_offered_is_not_run() -> None:
    speaker = Scripted(
        lambda asked: "Oh." if asked.messages[-1].role == "tool" else calling("rm", "{}")
    )
    [answered] = answer_checks([check("a", "double")], speaker, TOOLS)
    assert answered.calls[0].result == "Error: there is no tool rm."


def test_what_cannot_be_asked_does_not_pass_and_says_why() -> None:
    # An empty answer to a harmful request must not look like a model that kept quiet.
    speaker = Scripted(lambda asked: Reply("", ended=False, problem="The prompt is too long."))
    [answered] = answer_checks([check("a")], speaker, {})
    assert failures({"max_words": 5}, answered) == ("could not be asked: The prompt is too long",)


def test_only_sampled_checks_are_drawn() -> None:
    speaker = Scripted(lambda asked: "Hi.")
    answer_checks([check("a"), check("b", sampled=True)], speaker, {}, seed=7)
    assert [one.seed for one in speaker.asked] == [None, 8]


def test_openings_take_turns_with_a_seed_each() -> None:
    speaker = Scripted(lambda asked: asked.messages[-1].text)
    drawn = sample_replies(["a", "b"], 3, speaker, seed=5)
    assert [(opening, reply.text) for opening, reply in drawn] == [
        ("a", "a"), ("b", "b"), ("a", "a"),
    ]  # fmt: skip
    assert [one.seed for one in speaker.asked] == [5, 6, 7]
    assert sample_replies([], 3, speaker) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


def test_a_script_is_talked_through_with_what_fits(folder: Path) -> None:
    speaker = Scripted(lambda asked: "" if len(asked.messages) < 3 else "hello " * 20, folder)
    long, short = talk_through([["the cat sat"] * 8, ["hello"]], speaker, TOOLS)
    assert [message.role for message in long] == ["user", "assistant"] * 8
    assert [message.text for message in short] == ["hello", "(nothing)"]
    # The oldest turns are left out of what is asked, never out of the conversation.
    assert all(one.messages[-1].role == "user" for one in speaker.asked)
    assert len(speaker.asked[-1].messages) < 15


def test_a_script_is_talked_through_with_tools_as_a_chat_is(tmp_path: Path, folder: Path) -> None:
    """Those that suit a turn, where the model's template has a place for them; all after a turn
    that called one. What was called in earlier turns is read in later ones."""

    def answer(asked: Asked) -> Reply | str:
        if asked.messages[-1].role == "tool":
            return f"It is {asked.messages[-1].text}."
        return calling("double", asked.messages[-1].text) if asked.tools else "No tools."

    knows = write_tiny_checkpoint(tmp_path / "knows")
    store_template(knows, "chatml-tools")
    speaker = Scripted(answer, knows, context=4096)
    tools = {"double": replace(DOUBLE, suits="21".__eq__)}
    doubled, plain = talk_through([["21", "4"], ["five"]], speaker, tools)
    assert [message.role for message in doubled] == ["user", "assistant", "tool", "assistant"] * 2
    assert [message.text for message in doubled[-2:]] == ["8", "It is 8."]
    calls = [call for message in doubled for call in message.tool_calls]
    assert [(call.id, call.arguments) for call in calls] == [("call_0", "21"), ("call_1", "4")]
    assert plain[-1].text == "No tools."
    text = write_transcript(speaker.facts, [doubled])
    assert "**User:** 4\n\n**Calls** double 4 → 8\n\n**Assistant:** It is 8.\n" in text
    assert "**Assistant:** \n" not in text
    [without] = talk_through([["21"]], Scripted(answer, folder), tools)
    assert without[-1].text == "No tools."
