"""Grammars are compiled and adapters read beside the step loop."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from miniclaude.engine.grammar import regex_grammar
from miniclaude.engine.matching import KEPT, Grammars
from miniclaude.engine.preparing import MAX_PREPARING, Prepared, Preparing
from miniclaude.engine.protocol import encode_request
from miniclaude.engine.request import GenerationRequest
from miniclaude.engine.worker import obey, prepare
from miniclaude.errors import EngineError, InvalidRequestError, OverloadedError
from tests.engine.test_adapters import on, write
from tests.engine.tiny import ByteVocabulary, ask, finishes, tiny_engine

GRAMMARS = Grammars(ByteVocabulary(), 260)


def wants(name: str, pattern: str = "a") -> GenerationRequest:
    return replace(ask(name, "go"), grammar=regex_grammar(pattern, spaced=False))


def compiled(request: GenerationRequest) -> Prepared:
    return Prepared(GRAMMARS.compile(request.grammar or ""))


def test_a_request_comes_back_with_its_matcher_or_its_error() -> None:
    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    preparing = Preparing(compiled, ready.put)
    good, bad = wants("good"), wants("bad", "[")
    preparing.add(good)
    preparing.add(bad)
    assert [ready.get(timeout=180), ready.get(timeout=180)] == ["good", "bad"]
    taken = preparing.take("good")
    assert taken is not None
    assert taken[0] == good
    with pytest.raises(InvalidRequestError, match="unclosed"):
        preparing.take("bad")


def test_a_cancelled_request_is_forgotten() -> None:
    """It would be answered, to nobody, once its grammar is done."""
    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    preparing = Preparing(compiled, ready.put)
    preparing.add(wants("gone"))
    preparing.cancel("gone")
    preparing.cancel("never heard of")
    assert preparing.take(ready.get(timeout=180)) is None


def test_a_fault_of_the_compiler_ends_one_request_and_not_the_thread() -> None:
    def compile(request: GenerationRequest) -> Prepared:
        if "boom" in (request.grammar or ""):
            raise SystemError("a panic of the library")
        return compiled(request)

    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    preparing = Preparing(compile, ready.put)
    preparing.add(wants("bad", "boom"))
    preparing.add(wants("good"))
    with pytest.raises(EngineError, match="grammar cannot be prepared: SystemError"):
        preparing.take(ready.get(timeout=180))
    assert preparing.take(ready.get(timeout=180)) is not None


def test_users_take_turns() -> None:
    """One user's forty slow grammars kept everybody's waiting, for minutes; and a full line was
    full for all. A user is a key's, whatever the request calls it."""
    go = threading.Event()

    def compile(request: GenerationRequest) -> Prepared:
        assert go.wait(30)
        return Prepared()

    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    preparing = Preparing(compile, ready.put)
    for number in range(MAX_PREPARING):
        preparing.add(replace(wants(f"ada {number}"), user=f"ada/{number}"))
    with pytest.raises(OverloadedError, match="64 requests are waiting"):
        preparing.add(replace(wants("one more"), user="ada/more"))
    for number in range(MAX_PREPARING // 2):
        preparing.add(replace(wants(f"bob {number}"), user="bob/"))
    with pytest.raises(OverloadedError, match="96 requests are waiting"):
        preparing.add(replace(wants("half is enough"), user="bob/"))
    preparing.add(replace(wants("eve"), user="eve/"))
    go.set()
    order = [ready.get(timeout=180) for _ in range(97)]
    assert order[:2] in (["ada 0", "ada 1"], ["ada 0", "bob 0"])  # as soon as the thread began
    assert order.index("eve") <= 4
    assert order.index("bob 31") <= 2 * 32 + 2
    for user, most in (("ada", 64), ("bob", 32)):
        own = [name for name in order if name.startswith(user)]
        assert own == [f"{user} {number}" for number in range(most)]


def test_who_has_waited_too_long_is_refused_and_nothing_is_made_for_it() -> None:
    """The wait began only when the grammar was there: a request could take its minute twice."""
    now, made, go = 0.0, [], threading.Event()

    def compile(request: GenerationRequest) -> Prepared:
        nonlocal now
        assert go.wait(30)
        made.append(request.id)
        now += 7.0
        return Prepared()

    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    preparing = Preparing(compile, ready.put, lambda: now)
    for name in ("first", "second", "third"):
        preparing.add(wants(name), 10)
    go.set()
    order = [ready.get(timeout=180) for _ in range(3)]
    assert order == ["first", "second", "third"]
    taken = preparing.take("first")
    assert taken is not None
    assert taken[1].deadline == 10.0
    preparing.take("second")
    with pytest.raises(OverloadedError, match="waited 10 s for its grammar or adapter") as caught:
        preparing.take("third")
    assert caught.value.retry_after == 30
    assert made == ["first", "second"]


def test_no_more_wait_than_may() -> None:
    go = threading.Event()

    def compile(request: GenerationRequest) -> Prepared:
        assert go.wait(30)
        return compiled(request)

    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    preparing = Preparing(compile, ready.put)
    for number in range(MAX_PREPARING):
        preparing.add(wants(str(number)))
    with pytest.raises(OverloadedError, match="64 requests are waiting"):
        preparing.add(wants("one more"))
    go.set()
    for number in range(MAX_PREPARING):
        assert preparing.take(ready.get(timeout=180)) is not None, number
    preparing.add(wants("now"))
    assert ready.get(timeout=180) == "now"


class Worker:
    """The worker's loop, a step at a time. told: what it sent."""

    def __init__(self, **limits: Any) -> None:
        self.engine = tiny_engine(**limits)
        self.told: list[Any] = []
        self.ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.preparing = Preparing(partial(prepare, self.engine), self.ready.put)

    def submit(self, request: GenerationRequest) -> None:
        self.obey({"submit": encode_request(request, request.id)})

    def go_on(self) -> None:
        """With the next request that has what it needs."""
        self.obey({"prepared": self.ready.get(timeout=180)})

    def obey(self, command: dict[str, Any]) -> None:
        obey(self.engine, self.preparing, command, self.told.append)

    def run(self) -> dict[tuple[str, int], Any]:
        """To the end of all that runs."""
        outputs = []
        while not self.engine.idle:
            outputs += self.engine.step()
        return finishes(outputs)


def test_an_adapter_is_read_while_others_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash, its bytes and whether they are numbers: read in the step loop, they hold every
    stream of the model up, seconds on a slow disk. And it is read once for all that ask for it."""
    worker, go, read = Worker(), threading.Event(), []
    adapters = worker.engine.adapters
    slowly = adapters.read

    def wait(folder: Path) -> Any:
        read.append(folder)
        assert go.wait(30), "the step loop waits for the adapter"
        return slowly(folder)

    monkeypatch.setattr(adapters, "read", wait)
    folder = write(tmp_path, "gpt2", 1)
    for name in ("tuned", "tuned too"):
        worker.submit(on(folder, ask(name, "hi")))
    worker.submit(ask("plain", "hi"))
    assert worker.run() == {("plain", 0): "length"}
    go.set()
    worker.go_on()
    worker.go_on()
    assert worker.run() == {("tuned", 0): "length", ("tuned too", 0): "length"}
    assert read == [Path(folder)]
    worker.submit(on(folder, ask("later", "hi")))  # it is there, and nothing waits
    assert worker.run() == {("later", 0): "length"}
    assert worker.told == []


def test_an_adapter_that_the_disk_does_not_give_ends_one_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk in the step loop's thread would end the worker, and every answer."""

    def broken(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("miniclaude.engine.adapters.check_files", broken)
    worker = Worker()
    worker.submit(on(write(tmp_path, "gpt2", 1), ask("tuned", "hi")))
    worker.submit(ask("plain", "hi"))
    worker.go_on()
    assert worker.run() == {("plain", 0): "length"}
    [told] = worker.told
    assert told["refused"] == "tuned"
    assert "the adapter cannot be read: Input/output error" in str(told["error"])


def test_a_grammar_that_is_compiled_waits_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stood in line behind other callers' slow ones, though there was nothing to do for it."""
    worker, go = Worker(), threading.Event()
    worker.submit(wants("a"))
    worker.go_on()
    assert worker.run() == {("a", 0): "stop"}
    check = worker.engine.grammars._check

    class Slow:
        """A trial that takes long."""

        def check(self, grammar: str) -> None:
            assert go.wait(30), "a compiled grammar waits for it"
            check.check(grammar)

    monkeypatch.setattr(worker.engine.grammars, "_check", Slow())
    worker.submit(wants("slow", "b"))
    worker.submit(wants("again"))
    assert worker.run() == {("again", 0): "stop"}
    go.set()
    worker.go_on()
    assert worker.run() == {("slow", 0): "stop"}


def test_a_grammar_in_use_stays_compiled() -> None:
    """It would be the oldest of those that are kept, for all that come this way look like it."""
    grammars = Grammars(ByteVocabulary(), 260)
    used = wants("used").grammar or ""
    assert grammars.known(used) is None
    grammars.compile(used)
    for number in range(KEPT):
        grammars.compile(wants("x", f"b{number}").grammar or "")
        assert grammars.known(used) is not None
    assert grammars.known(wants("x", "b0").grammar or "") is None
    own = grammars.known(used)
    assert own is not None
    own.take(ord("a"))
    again = grammars.known(used)
    assert again is not None
    assert own.complete
    assert not again.complete  # a beginning of its own for each


def test_the_wait_for_a_grammar_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """In all no request may wait longer than it is told."""
    worker, now = Worker(max_running=1, max_wait_seconds=60), 0.0
    worker.engine.clock = lambda: now
    worker.preparing = Preparing(partial(prepare, worker.engine), worker.ready.put, lambda: now)
    worker.submit(ask("runs", "hi", max_tokens=40))
    worker.submit(wants("late"))
    name = worker.ready.get(timeout=180)
    now = 40.0
    worker.obey({"prepared": name})
    assert worker.engine.expire() == {}
    now = 60.0
    assert set(worker.engine.expire()) == {"late"}
