"""Chat formats for model folders that bring no template, written in the same Jinja.

Which one is decided by the special tokens the vocabulary has, never by a model's name.
`store_template` writes one into a folder, so that training, serving and export agree for good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from miniclaude.errors import ChatTemplateError


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """name: for `store_template`. template: Jinja source. needs: the special tokens it writes
    by name. turn_end: the special token that ends a turn, None where it is the eos token."""

    name: str
    template: str
    needs: tuple[str, ...] = ()
    turn_end: str | None = None


CHATML = ChatFormat(
    "chatml",
    """\
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
    needs=("<|im_start|>", "<|im_end|>"),
    turn_end="<|im_end|>",
)
"""ChatML: every turn names its role."""

CHATML_TOOLS = ChatFormat(
    "chatml-tools",
    """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages and messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] + '\\n' }}
        {%- set messages = messages[1:] %}
    {%- endif %}
    {{- 'Tools:' }}
    {%- for tool in tools %}
        {%- set function = tool['function'] %}
        {%- set names = function['parameters'].get('properties', {}) | join(', ') %}
        {{- ' ' + function['name'] + '(' + names + ')' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] }}
    {%- for call in message['tool_calls'] or [] %}
        {{- '<tool_call>{"name": "' + call['function']['name'] + '", "arguments": ' }}
        {{- call['function']['arguments'] | tojson + '}</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
    needs=("<|im_start|>", "<|im_end|>"),
    turn_end="<|im_end|>",
)
"""ChatML with a place for tools, for models that are taught here: a tool costs few tokens, its name
and its parameters' names. What it returns is a turn of its own. Never chosen for a folder that says
nothing, since only a model that was taught it knows it."""

LLAMA2 = ChatFormat(
    "llama-2",
    """\
{%- set preamble = '' %}
{%- if messages and messages[0]['role'] == 'system' %}
    {%- set preamble = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}
    {%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
    {%- if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') %}
        {{- raise_exception('after an optional system message, user and assistant take turns') }}
    {%- endif %}
    {%- if message['role'] == 'user' %}
        {%- set content = (preamble if loop.first else '') + message['content'] %}
        {{- bos_token + '[INST] ' + content | trim + ' [/INST]' }}
    {%- else %}
        {{- ' ' + message['content'] | trim + ' ' + eos_token }}
    {%- endif %}
{%- endfor %}
""",
    needs=("<s>", "</s>"),
)
"""Llama 2's: the user's turns in [INST], the system message inside the first of them."""

DIALOGPT = ChatFormat(
    "dialogpt",
    """\
{%- for message in messages %}
    {{- message['content'] + eos_token }}
{%- endfor %}
""",
)
"""DialoGPT's: each turn followed by the end-of-text token; who speaks is told by alternation."""

FORMATS = (CHATML, LLAMA2, DIALOGPT, CHATML_TOOLS)


def built_in_format(special: Collection[str], names: Mapping[str, str]) -> ChatFormat | None:
    """The first format all of whose tokens are special tokens of the vocabulary, or None.

    names: `bos_token`, `eos_token` → their text, where the folder tells them.
    """
    for chat_format in FORMATS:
        variables = [name for name in ("bos_token", "eos_token") if name in chat_format.template]
        if set(chat_format.needs) <= set(special) and set(variables) <= set(names):
            return chat_format
    return None


def format_of(source: str) -> ChatFormat | None:
    """The format whose very template this is; None for a template that is not ours."""
    for chat_format in FORMATS:
        if source == chat_format.template:
            return chat_format
    return None


def store_template(folder: Path, name: str) -> None:
    """Write the format called `name` into the model folder, as chat_template.jinja.

    Raises ChatTemplateError for an unknown name.
    """
    for chat_format in FORMATS:
        if chat_format.name == name:
            path = folder / "chat_template.jinja"
            path.write_text(chat_format.template, encoding="utf-8")
            return
    raise ChatTemplateError(
        f"There is no chat format {name!r}.",
        hint=f"Choose one of {[chat_format.name for chat_format in FORMATS]}.",
    )
