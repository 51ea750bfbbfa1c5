"""Compiling beside the step loop, with stand-ins for the compiler."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

import pytest

from miniclaude.engine.compiling import MAX_COMPILING, Compiling
from miniclaude.engine.grammar import regex_grammar
from miniclaude.engine.matching import Grammars, Matcher
from miniclaude.engine.request import GenerationRequest
from miniclaude.errors import EngineError, InvalidRequestError, OverloadedError
from tests.engine.tiny import ByteVocabulary, ask

GRAMMARS = Grammars(ByteVocabulary(), 260)


def wants(name: str, pattern: str = "a") -> GenerationRequest:
    return replace(ask(name, "go"), grammar=regex_grammar(pattern, spaced=False))


def test_a_request_comes_back_with_its_matcher_or_its_error() -> None:
    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    compiling = Compiling(GRAMMARS.compile, ready.put)
    good, bad = wants("good"), wants("bad", "[")
    compiling.add(good)
    compiling.add(bad)
    assert [ready.get(timeout=30), ready.get(timeout=30)] == ["good", "bad"]
    taken = compiling.take("good")
    assert taken is not None
    assert taken[0] == good
    with pytest.raises(InvalidRequestError, match="unclosed"):
        compiling.take("bad")


def test_a_cancelled_request_is_forgotten() -> None:
    """It would be answered, to nobody, once its grammar is done."""
    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    compiling = Compiling(GRAMMARS.compile, ready.put)
    compiling.add(wants("gone"))
    compiling.cancel("gone")
    compiling.cancel("never heard of")
    assert compiling.take(ready.get(timeout=30)) is None


def test_a_fault_of_the_compiler_ends_one_request_and_not_the_thread() -> None:
    def compile(grammar: str) -> Matcher:
        if "boom" in grammar:
            raise SystemError("a panic of the library")
        return GRAMMARS.compile(grammar)

    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    compiling = Compiling(compile, ready.put)
    compiling.add(wants("bad", "boom"))
    compiling.add(wants("good"))
    with pytest.raises(EngineError, match="cannot be compiled: SystemError"):
        compiling.take(ready.get(timeout=30))
    assert compiling.take(ready.get(timeout=30)) is not None


def test_no_more_wait_than_may() -> None:
    go = threading.Event()

    def compile(grammar: str) -> Matcher:
        assert go.wait(30)
        return GRAMMARS.compile(grammar)

    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    compiling = Compiling(compile, ready.put)
    for number in range(MAX_COMPILING):
        compiling.add(wants(str(number)))
    with pytest.raises(OverloadedError, match="64 requests are waiting"):
        compiling.add(wants("one more"))
    go.set()
    for number in range(MAX_COMPILING):
        assert compiling.take(ready.get(timeout=30)) is not None, number
    compiling.add(wants("now"))
    assert ready.get(timeout=30) == "now"
