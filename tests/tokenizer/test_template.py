"""A template from a model folder is a program of a stranger's: it must be held, and quickly."""

from __future__ import annotations

import os
import time

import pytest

from miniclaude.errors import ChatTemplateError, InvalidRequestError
from miniclaude.tokenizer import template, template_worker
from miniclaude.tokenizer.template import ChatTemplate, Rendering


def render(source: str, **variables: object) -> Rendering:
    chat_template = ChatTemplate({"default": source})
    [rendering] = chat_template.render(source, [variables])
    return rendering


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 'a<b>&\"é' | tojson }}", '"a<b>&\\"é"'),
        ("{{ {'b': 1, 'a': [2]} | tojson(indent=2) }}", '{\n  "b": 1,\n  "a": [\n    2\n  ]\n}'),
        ("{% for n in range(9) %}{% if n == 2 %}{% break %}{% endif %}{{ n }}{% endfor %}", "01"),
        ("  {% if true %}\nx\n  {% endif %}\ny", "x\ny"),
        ("{% set ns = namespace(n=1) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}", "2"),
        ("{% generation %}said{% endgeneration %}", "said"),
        ("{{ strftime_now('%%') }}{{ missing }}{{ names | length }}", "%2"),
        ("{{ '<b>' }}", "<b>"),
    ],
)
def test_dialect(source: str, text: str) -> None:
    assert render(source, names=["a", "b"]).unwrap() == text
    assert template_worker.render(source, {"names": ["a", "b"]}) == {"text": text}


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ ''|attr('__class__') }}",
        "{% set ns = namespace(__class__=1) %}",
        "{% set ns = namespace() %}{% set ns.__html__ = 1 %}",
        "{{ messages.append(1) }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
    ],
)
def test_escapes_are_refused(source: str) -> None:
    rendering = render(source, messages=[])
    assert rendering.text in (None, "")
    if rendering.text is None:
        assert isinstance(rendering.error, ChatTemplateError)
        assert ".." not in rendering.error.message.replace("'{0.__class__.__mro__}'", "")
    assert template_worker.render(source, {"messages": []}).get("text", "") == ""


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 10**11 }}",
        "{{ '%1000000000000d' % 1 }}",
        "{{ 'x'.ljust(10**11) }}",
        "{{ 'x' | center(10**11) }}",
        "{% set n = namespace(x='x') %}"
        "{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
        # A list that holds itself twice, sixty times over, is small; printing it never ends.
        "{% set n = namespace(x=[]) %}"
        "{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[], y=[]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
        "{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% macro f(n) %}{{ f(n - 1) }}{{ f(n - 1) }}{% endmacro %}{{ f(100) }}",
        "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% for a in range(99999) %}{% for b in range(9999) %}xxxxxxxxxx{% endfor %}{% endfor %}",
    ],
)
def test_explosions_end_in_an_error(source: str) -> None:
    chat_template = ChatTemplate({"default": source})
    with pytest.raises(ChatTemplateError, match=r"fails|processor time|ended the process"):
        chat_template.render(source, [{}])[0].unwrap()
    [healthy] = chat_template.render("{{ 'still here' }}", [{}])
    assert healthy.unwrap() == "still here"


def test_an_endless_template_is_stopped_in_seconds() -> None:
    """By processor time, so that a busy machine does not make a good template fail."""
    before = time.monotonic()
    cpu_before = os.times().children_user
    source = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(ChatTemplateError, match="more than 1 s of processor time"):
        ChatTemplate({"default": source}).render(source, [{}])
    # The start of a Python counts too, and takes seconds on a slow machine; the template, minutes.
    assert os.times().children_user - cpu_before < 30
    assert time.monotonic() - before < 60


def test_a_template_that_refuses_is_the_callers_mistake() -> None:
    """An alternation of roles that a template insists on is a 4xx, not a broken model."""
    with pytest.raises(InvalidRequestError, match="refuses these messages: no system role") as info:
        render("{{ raise_exception('no system role') }}").unwrap()
    assert info.value.param == "messages"


def test_a_broken_template_is_named_with_its_line() -> None:
    with pytest.raises(ChatTemplateError, match="line 2: "):
        render("a\n{% for %}").unwrap()
    assert "line 2" in template_worker.render("a\n{% for %}", {})["error"]
    refusal = template_worker.render("{{ raise_exception('no') }}", {})
    assert refusal == {"refused": "no"}
    with pytest.raises(ChatTemplateError, match="UndefinedError"):
        render("{{ messages[0]['role'] }}").unwrap()


def test_one_bad_conversation_does_not_spoil_the_others() -> None:
    source = "{{ messages[0] + '!' }}"
    good, bad = ChatTemplate({"default": source}).render(source, [{"messages": ["a"]}, {}])
    assert good.text == "a!"
    assert bad.text is None


def test_bounds_of_source_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "MAX_TEMPLATE", 100)
    with pytest.raises(ChatTemplateError, match="at most 100"):
        ChatTemplate({"default": "x" * 101})
    monkeypatch.setattr(template_worker, "MAX_OUTPUT", 100)
    answer = template_worker.render("{% for i in range(60) %}xxx{% endfor %}", {})
    assert answer == {"error": "it writes more than 100 characters"}


def test_named_templates() -> None:
    both = ChatTemplate({"default": "d", "tool_use": "t"})
    assert (both.source(tools=False), both.source(tools=True)) == ("d", "t")
    assert ChatTemplate({"default": "d"}).source(tools=True) == "d"
    with pytest.raises(ChatTemplateError, match="none called 'default'"):
        ChatTemplate({"rag": "r"}).source(tools=False)


def test_worker_protocol() -> None:
    line = '{"source": "{{ x }}", "calls": [{"x": "\\ud83d\\ude42"}, {"x": 2}]}'
    assert template_worker.answer(line) == '[{"text": "\\ud83d\\ude42"}, {"text": "2"}]'


def test_a_worker_that_died_while_idle_is_replaced() -> None:
    """Its memory may be wanted elsewhere; the next conversation must not pay for it."""
    chat_template = ChatTemplate({"default": "x"})
    for expected in ("one", "two"):
        [rendering] = chat_template.render("{{ x }}", [{"x": expected}])
        assert rendering.unwrap() == expected
        process = chat_template._worker._process
        assert process is not None
        process.kill()
        process.wait()


def test_an_interrupted_question_does_not_leave_its_answer_behind() -> None:
    """Ctrl-C while a template renders, then another message: it must get its own answer."""
    chat_template = ChatTemplate({"default": "x"})
    chat_template.render("{{ x }}", [{"x": 1}])
    process = chat_template._worker._process
    assert process is not None
    assert process.stdout is not None

    def interrupt(limit: int = -1, /) -> str:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process.stdout, "readline", interrupt)
        with pytest.raises(KeyboardInterrupt):
            chat_template.render("{{ x }}", [{"x": "first"}])
    [rendering] = chat_template.render("{{ x }}", [{"x": "second"}])
    assert rendering.unwrap() == "second"
