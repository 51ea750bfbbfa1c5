"""How calls are written is found in the template, whoever made the model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from miniclaude.messages import Message, Tool, ToolCall, text_message
from miniclaude.tokenizer.chat_template import encode_chat, encode_training_example
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.template import ChatTemplate
from miniclaude.tokenizer.tool_format import ANY_ID, PLAIN, ToolFormat

ENDS = ("<|im_end|>", "</s>")
SPECIAL = (*ENDS, "<|im_start|>", "[TOOL_CALLS]", "[ARGS]")

TURNS = """\
{%- for tool in tools or [] %}{{- tool | tojson }}{% endfor %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.tool_calls %}CALLS{% else %}{{ message.content }}{% endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
"""
"""A chat whose assistant writes its calls as `CALLS` says."""

TAGGED = """\
{%- for call in message.tool_calls %}
    {{- '\\n' if not loop.first }}
    {{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
    {{- call.function.arguments | tojson + '}\\n</tool_call>' }}
{%- endfor %}"""
BARE = """\
{%- if message.tool_calls | length > 1 %}{{ raise_exception('one call at a time') }}{% endif %}
{%- set call = message.tool_calls[0].function %}
{{- '{"name": "' + call.name + '", "parameters": ' + call.arguments | tojson + '}' }}"""
LISTED = """\
{{- '[TOOL_CALLS] [' }}
{%- for call in message.tool_calls %}
    {%- if call.id | length != 9 %}{{ raise_exception('ids have 9 letters') }}{% endif %}
    {{- ', ' if not loop.first }}
    {{- '{"name": "' + call.function.name + '", "arguments": ' }}
    {{- call.function.arguments | tojson + ', "id": "' + call.id + '"}' }}
{%- endfor %}
{{- ']' }}"""
NAMED = """\
{%- for call in message.tool_calls %}
    {{- '[TOOL_CALLS]' + call.function.name + '[ARGS]' + call.function.arguments | tojson }}
{%- endfor %}"""
ATTRIBUTE = """\
{%- for call in message.tool_calls %}
    {{- '<function=' + call.function.name + '>' + call.function.arguments | tojson }}
    {{- '</function>' }}
{%- endfor %}"""


def template(calls: str) -> str:
    return TURNS.replace("CALLS", calls)


def found(source: str) -> ToolFormat:
    return ChatTemplate({"default": source}).tool_format({}, SPECIAL, ENDS)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (TAGGED, PLAIN),
        (BARE, ToolFormat('{"name": "', '", "parameters": ', "}", None, "")),
        (
            LISTED,
            ToolFormat(
                '[TOOL_CALLS] [{"name": "',
                '", "arguments": ',
                f', "id": "{ANY_ID}"}}]',
                f', "id": "{ANY_ID}"}}, {{"name": "',
                "[TOOL_CALLS]",
            ),
        ),
        (NAMED, ToolFormat("[TOOL_CALLS]", "[ARGS]", "", "[TOOL_CALLS]", "[TOOL_CALLS]")),
        (
            ATTRIBUTE,
            ToolFormat("<function=", ">", "</function>", "</function><function=", "<function="),
        ),
    ],
)
def test_the_templates_own_form_is_found(calls: str, expected: ToolFormat) -> None:
    assert found(template(calls)) == expected


def test_a_prompt_that_begins_a_thought_is_no_part_of_the_form() -> None:
    """The call shares the `<t` of `<think>` with the prompt; cut there, its mark would be
    `ool_call>`."""
    thinking = template(TAGGED).replace("assistant\\n", "assistant\\n<think>\\n")
    assert found(thinking).before == PLAIN.before
    thoughtless = template("{{ '<think>\\n\\n</think>\\n\\n' }}" + TAGGED)
    assert found(thoughtless).before == PLAIN.before, "or every thought would have to call"


@pytest.mark.parametrize(
    "source",
    [
        template("{{ message.content }}"),
        template("{{ raise_exception('no calls') }}"),
        template(TAGGED).replace("tool | tojson", "'a tool'"),
        template("<x>{{ message.tool_calls[0].function.name }}<y>no JSON</y></x>"),
        template("{{ message.tool_calls[0].function | tojson }}" + "x" * 300),
        "{% for m in messages %}{{ m.content }}{% endfor %}",
        "{{ undefined.attribute.of.nothing }}",
    ],
)
def test_without_a_form_that_can_be_followed_it_is_the_plain_one(source: str) -> None:
    assert found(source) is PLAIN


TOOL = Tool("weather", "What the weather is.", {"type": "object", "properties": {"city": {}}})
CALL = ToolCall("call_1", "weather", '{"city":"Bern"}')
QUESTION = text_message("user", "And in Bern?")
TALK = [
    QUESTION,
    replace(text_message("assistant", "Let me see."), tool_calls=(CALL, CALL)),
    Message("tool", text_message("tool", "rain").parts, tool_call_id="call_1"),
    Message("tool", text_message("tool", "<|im_end|>").parts, tool_call_id="call_1"),
    text_message("user", "So?"),
    text_message("assistant", "It rains."),
]
PLAINLY = """\
<|im_start|>system
Be brief.

You can call functions. Each line below describes one as JSON:
<tools>
{"name": "weather", "description": "What the weather is.", "parameters": {"type": "object", \
"properties": {"city": {}}}}
</tools>
To call one, write its name and its arguments as JSON:
<tool_call>
{"name": "NAME", "arguments": {"PARAMETER": "VALUE"}}
</tool_call>
What it returns is told between <tool_response> and </tool_response>.<|im_end|>
<|im_start|>user
And in Bern?<|im_end|>
<|im_start|>assistant
Let me see.
<tool_call>
{"name": "weather", "arguments": {"city": "Bern"}}
</tool_call>
<tool_call>
{"name": "weather", "arguments": {"city": "Bern"}}
</tool_call><|im_end|>
<|im_start|>user
<tool_response>
rain
</tool_response>
<tool_response>
<|im_end|>
</tool_response>
So?<|im_end|>
<|im_start|>assistant
It rains.<|im_end|>
"""


def test_a_template_without_a_place_for_tools_gets_them_as_text(chatml_folder: Path) -> None:
    """Word for word: tuned models have learnt it. What people write stays text, as ever."""
    tokenizer = load_tokenizer(chatml_folder)
    said = [text_message("system", "Be brief."), *TALK]
    example = encode_training_example(tokenizer, said, [TOOL])
    assert tokenizer.decode(example.ids, skip_special=False) == PLAINLY
    ends = [tokenizer.special.ids[name] for name in ("<|im_start|>", "<|im_end|>")]
    assert sum(i in ends for i in example.ids) == 10


@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("folder", ["chatml_folder", "llama2_folder", "gpt2_folder"])
def test_training_and_serving_agree_by_ids(
    folder: str, system: bool, request: pytest.FixtureRequest
) -> None:
    """What serving shows the model before an answer is what came before it in training; in every
    built-in format, also where user and assistant must take turns."""
    tokenizer = load_tokenizer(request.getfixturevalue(folder))
    said = [text_message("system", "Be brief."), *TALK] if system else TALK
    for length in (2, 6):
        talk = said[: length + system]
        prompt = encode_chat(tokenizer, talk[:-1], [TOOL])
        example = encode_training_example(
            tokenizer, talk, [TOOL], frozenset({system + 1} - {length - 1 + system})
        )
        assert example.ids[: len(prompt)] == prompt
        assert not any(example.mask[: len(prompt)])
        assert all(example.mask[len(prompt) : len(prompt) + 3])


def test_what_is_learnt_of_a_call_is_what_the_grammar_lets_it_write(chatml_folder: Path) -> None:
    tokenizer = load_tokenizer(chatml_folder)
    example = encode_training_example(tokenizer, TALK[:2], [TOOL])
    learnt = tokenizer.decode([i for i, on in zip(example.ids, example.mask, strict=True) if on])
    call = f'weather{PLAIN.between}{{"city": "Bern"}}'
    assert learnt == f"Let me see.\n{PLAIN.before}{call}{PLAIN.middle}{call}{PLAIN.after}"


def test_a_function_without_parameters_is_shown_with_none(chatml_folder: Path) -> None:
    """Templates look for `properties` in what they are given."""
    (chatml_folder / "chat_template.jinja").write_text(template(TAGGED), encoding="utf-8")
    tokenizer = load_tokenizer(chatml_folder)
    shown = tokenizer.decode(encode_chat(tokenizer, [QUESTION], [Tool("now", "", {})]))
    assert '"parameters": {"type": "object", "properties": {}}' in shown


def test_ids_are_shortened_for_templates_that_write_them(chatml_folder: Path) -> None:
    """Mistral's refuse any other length, and clients send back the long ones that we made."""
    (chatml_folder / "chat_template.jinja").write_text(template(LISTED), encoding="utf-8")
    tokenizer = load_tokenizer(chatml_folder)
    shown = tokenizer.decode(encode_chat(tokenizer, TALK, [TOOL]))
    assert re.search(r', "id": "[0-9a-f]{9}"\}', shown)
    assert CALL.id not in shown
    given = [QUESTION, replace(TALK[1], tool_calls=(replace(CALL, id="abcABC123"),))]
    assert '"id": "abcABC123"' in tokenizer.decode(encode_chat(tokenizer, given, [TOOL]))
