"""The supervised worker, with real processes: what it streams, how it dies, that it never stays."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from miniclaude.engine import process as process_module
from miniclaude.engine.engine import Engine
from miniclaude.engine.grammar import json_grammar, regex_grammar
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.process import EngineProcess, EngineSpec, Mailbox
from miniclaude.engine.protocol import encode_line, encode_request, encode_spec
from miniclaude.engine.request import ChosenToken, GenerationRequest, Output, TokenInfo
from miniclaude.errors import (
    CheckpointError,
    ContextLengthError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
    TokenizerError,
)
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.load import load_tokenizer
from tests.engine.test_grammar import BOMB
from tests.engine.tiny import ask, finishes, run, texts

pytestmark = pytest.mark.anyio

LIMITS = EngineLimits(
    block_tokens=4, kv_tokens=512, step_tokens=64, max_running=8, max_queued_tokens=20_000
)


def spec(folder: Path, limits: EngineLimits = LIMITS) -> EngineSpec:
    return EngineSpec(folder, device="cpu", threads=1, limits=limits)


@pytest.fixture(scope="module")
async def engine(model_folder: Path) -> AsyncIterator[EngineProcess]:
    """One worker for the tests that leave it alive."""
    engine = EngineProcess(spec(model_folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINI_CLAUDE_API_KEY", "sk-secret")
        await engine.start()
    yield engine
    await engine.close()


async def outputs_of(engine: EngineProcess, request: GenerationRequest) -> list[Output]:
    return [output async for output in engine.submit(request)]


def worker_pid(engine: EngineProcess) -> int:
    assert engine.connection is not None
    return engine.connection.process.pid


async def die_answering(engine: EngineProcess) -> None:
    """Kill the worker in mid-answer: of one this long the end cannot have left it unread."""
    stream = engine.submit(ask("a", "hi", max_tokens=90, n=5, logprobs=20))
    await anext(stream)
    os.kill(worker_pid(engine), signal.SIGKILL)
    _ = [output async for output in stream]


async def test_a_grammar_travels_and_binds(engine: EngineProcess) -> None:
    """Compiled in the worker, while another request of the same moment goes on."""
    text = regex_grammar("[0-9]{4}-x", spaced=False)
    bound = replace(ask("bound", "hi", temperature=9.0, n=2), grammar=text)
    both = await asyncio.gather(outputs_of(engine, bound), outputs_of(engine, ask("free", "hi")))
    assert finishes(both[1]) == {("free", 0): "length"}
    for answer in texts(both[0]).values():
        assert re.fullmatch("[0-9]{4}-x", answer)


async def test_a_grammar_that_explodes_is_refused_by_the_worker(engine: EngineProcess) -> None:
    """At once where compiling shows it, in mid-answer where it shows later; the worker lives."""
    for text, reason in (
        (regex_grammar("[", spaced=False), "cannot be compiled: .* unclosed"),
        (json_grammar(BOMB, spaced=False), "followed: it takes too much work: lexer error"),
    ):
        bomb = replace(ask("bomb", "hi", max_tokens=90, temperature=30.0, seed=1), grammar=text)
        with pytest.raises(InvalidRequestError, match=reason):
            await outputs_of(engine, bomb)
    assert finishes(await outputs_of(engine, ask("after", "hi"))) == {("after", 0): "length"}


async def test_a_worker_says_what_it_is(engine: EngineProcess) -> None:
    info = await engine.start()
    assert (info.vocab_size, info.context, info.kv_tokens) == (260, 96, 512)
    assert (info.device, info.dtype, info.threads) == ("cpu", "float32", 1)


async def test_a_stream_is_what_the_engine_itself_would_say(
    engine: EngineProcess, model_folder: Path
) -> None:
    """Text, bytes, log probabilities and counts pass through the pipe unchanged."""
    requests = [
        ask("1", "Hello"),
        ask("2", "Grüße €", n=2, temperature=1.0, seed=9, logprobs=3),
        ask("3", "x", temperature=0.8, seed=1, stop=("e", "\n"), logit_bias={97: 2.5}),
    ]
    local = Engine(load_model(model_folder), load_tokenizer(model_folder), LIMITS)
    expected = run(local, *requests)
    streams = await asyncio.gather(*(outputs_of(engine, request) for request in requests))
    outputs = [output for stream in streams for output in stream]
    assert texts(outputs) == texts(expected)
    assert finishes(outputs) == finishes(expected)
    ours = [info for output in outputs if output.id == "2" for info in output.logprobs]
    theirs = [info for output in expected if output.id == "2" for info in output.logprobs]
    assert sorted(i.chosen.token_bytes for i in ours) == sorted(
        i.chosen.token_bytes for i in theirs
    )
    assert len(ours[0].top) == 3
    assert outputs[-1].prompt_tokens == 1


async def test_two_requests_may_have_the_same_id(engine: EngineProcess) -> None:
    """Ids are the caller's; two clients may choose the same one."""
    first, second = await asyncio.gather(
        outputs_of(engine, ask("same", "a")), outputs_of(engine, ask("same", "b"))
    )
    assert texts(first) != texts(second)
    assert {output.id for output in [*first, *second]} == {"same"}


async def test_what_the_caller_can_mend_is_raised_by_type(engine: EngineProcess) -> None:
    with pytest.raises(InvalidRequestError, match="temperature is nan"):
        await outputs_of(engine, ask("a", "hi", temperature=float("nan")))
    with pytest.raises(ContextLengthError, match="the model's context is 96"):
        await outputs_of(engine, ask("a", "hi", max_tokens=95))
    with pytest.raises(ContextLengthError, match="7 answers of up to 92 tokens each") as caught:
        await outputs_of(engine, ask("a", "hi", max_tokens=90, n=7))
    assert caught.value.param == "n"


async def test_200_streams_closed_midway_leave_no_slot_occupied(engine: EngineProcess) -> None:
    """Afterwards a request that needs every slot of the engine is answered."""

    async def leave_early(number: int) -> None:
        request = ask(str(number), "hello", max_tokens=80, temperature=1.0)
        stream = engine.submit(request)
        try:
            async for _ in stream:
                break
        finally:
            await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator

    await asyncio.gather(*(leave_early(number) for number in range(200)))
    assert not engine.mailboxes
    answers = await outputs_of(engine, ask("all", "hello", n=LIMITS.max_running, max_tokens=50))
    assert len(finishes(answers)) == LIMITS.max_running


async def test_a_full_queue_is_said_to_be_full(model_folder: Path) -> None:
    limits = EngineLimits(kv_tokens=96, max_running=1, max_queued_tokens=100)
    engine = EngineProcess(spec(model_folder, limits))
    await engine.start()
    try:
        results = await asyncio.gather(
            *(outputs_of(engine, ask(str(n), "hi", max_tokens=90)) for n in range(4)),
            return_exceptions=True,
        )
    finally:
        await engine.close()
    refused = [result for result in results if isinstance(result, OverloadedError)]
    assert len(refused) == 2
    assert "92 tokens are waiting, and 100 may" in str(refused[0])
    assert refused[0].retry_after == 5


async def test_a_killed_worker_fails_its_requests_and_is_replaced(model_folder: Path) -> None:
    engine = EngineProcess(spec(model_folder))
    await engine.start()
    expected = texts(await outputs_of(engine, ask("a", "hi")))
    first = worker_pid(engine)
    with pytest.raises(EngineError, match=r"was killed by SIGKILL while answering\. Ask again"):
        await die_answering(engine)
    assert texts(await outputs_of(engine, ask("a", "hi"))) == expected
    assert worker_pid(engine) != first
    assert not engine.failed
    await engine.close()


async def test_a_worker_that_keeps_dying_is_given_up_with_the_reason(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "MAX_CRASHES", 2)
    monkeypatch.setattr(process_module, "BACKOFF_SECONDS", 0.001)
    engine = EngineProcess(spec(model_folder))
    await engine.start()
    for _ in range(2):
        await engine.connected()
        with pytest.raises(EngineError, match="SIGKILL"):
            await die_answering(engine)
    with pytest.raises(EngineError, match="It died 2 times in a row and is not started again"):
        await outputs_of(engine, ask("a", "hi"))
    assert engine.failed
    await engine.close()


async def test_a_bad_model_folder_is_told_as_such(model_folder: Path, tmp_path: Path) -> None:
    """The worker's own error, type, text and hint, not 'the worker died'."""
    empty = tmp_path / "empty"
    empty.mkdir()
    engine = EngineProcess(spec(empty))
    with pytest.raises(TokenizerError, match=r"empty has no tokenizer"):
        await engine.start()
    with pytest.raises(TokenizerError):
        await outputs_of(engine, ask("a", "hi"))
    assert engine.failed
    await engine.close()

    broken = tmp_path / "broken"
    shutil.copytree(model_folder, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    engine = EngineProcess(spec(broken))
    with pytest.raises(CheckpointError, match=r"model\.safetensors") as caught:
        await engine.start()
    assert caught.value.hint
    await engine.close()


async def test_a_worker_that_fails_unforeseen_leaves_its_last_words(model_folder: Path) -> None:
    engine = EngineProcess(replace(spec(model_folder), threads=-1))
    expected = r"exited with code 1 while loading the model: RuntimeError: .*positive"
    with pytest.raises(EngineError, match=expected):
        await engine.start()
    await engine.close()


async def test_a_machine_that_cannot_start_a_process_is_told_as_such(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of files or memory: who waits for the engine must hear of it, not wait for ever."""

    async def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    engine = EngineProcess(spec(model_folder))
    async with asyncio.timeout(20):
        with pytest.raises(EngineError, match=r"cannot be started: Too many open files.*ulimit"):
            await engine.start()
    await engine.close()


async def test_closing_ends_live_requests_and_the_worker(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miniclaude.engine.connection.Connection.close.__defaults__", (180.0,))
    engine = EngineProcess(spec(model_folder))
    await engine.start()
    assert engine.connection is not None
    worker = engine.connection.process
    stream = engine.submit(ask("a", "hi", max_tokens=90, n=5, logprobs=20))
    await anext(stream)
    await engine.close()
    with pytest.raises(EngineError, match="The engine was stopped"):
        async for _ in stream:
            pass
    with pytest.raises(EngineError, match="The engine was stopped"):
        await outputs_of(engine, ask("a", "hi"))
    assert worker.returncode == 0
    await engine.close()


async def test_closing_while_loading_leaves_no_process(model_folder: Path) -> None:
    engine = EngineProcess(spec(model_folder))
    starting = asyncio.create_task(engine.start())
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(EngineError, match="The engine was stopped"):
        await starting


async def test_not_started() -> None:
    with pytest.raises(EngineError, match="has not been started"):
        await outputs_of(EngineProcess(EngineSpec(Path("x"))), ask("a", "hi"))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
async def test_the_worker_gets_no_secrets(engine: EngineProcess) -> None:
    environment = await asyncio.to_thread(Path(f"/proc/{worker_pid(engine)}/environ").read_bytes)
    assert b"PATH=" in environment
    assert b"sk-secret" not in environment
    assert b"HOME=" not in environment


def test_a_slow_reader_finds_one_merged_output() -> None:
    """Otherwise a client that stops reading would fill the server's memory."""

    async def read() -> list[Output]:
        mailbox = Mailbox()
        for number in range(1000):
            mailbox.put(Output("a", 0, "x", completion_tokens=number))
        mailbox.put(Output("a", 1, "y", finish="stop"))
        return await mailbox.take()

    first, second = asyncio.run(read())
    assert (first.text, first.completion_tokens) == ("x" * 1000, 999)
    assert (second.text, second.finish) == ("y", "stop")


def test_log_probabilities_stay_with_the_text_that_they_begin() -> None:
    """Whoever leaves out a call's mark leaves out its tokens too, and finds them by their text."""
    one, two = (ChosenToken(TokenInfo(number, b"x", -1.0)) for number in (5, 6))

    async def read() -> list[Output]:
        mailbox = Mailbox()
        mailbox.put(Output("a", 0, "Hi", logprobs=(one,)))
        mailbox.put(Output("a", 0, " there"))
        mailbox.put(Output("a", 0, "<tool_call>", logprobs=(two,)))
        mailbox.put(Output("a", 0, "", finish="stop"))
        return await mailbox.take()

    outputs = asyncio.run(read())
    assert [(output.text, output.logprobs) for output in outputs] == [
        ("Hi there", (one,)),
        ("<tool_call>", (two,)),
    ]
    assert [output.finish for output in outputs] == [None, "stop"]


def test_a_worker_whose_input_ends_leaves_in_the_middle_of_its_work(model_folder: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "miniclaude.engine.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(encode_line(encode_spec(spec(model_folder))))
    worker.stdin.flush()
    assert "ready" in json.loads(worker.stdout.readline())
    request = ask("a", "hi", max_tokens=90)
    worker.stdin.write(encode_line({"submit": encode_request(request, "a")}))
    worker.stdin.close()
    assert worker.wait(timeout=180) == 0
    worker.stdout.close()


PARENT = """
import asyncio, sys
from pathlib import Path
from miniclaude.engine.process import EngineProcess, EngineSpec

async def main():
    engine = EngineProcess(EngineSpec(Path(sys.argv[1]), threads=1))
    await engine.start()
    print(engine.connection.process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="watches a stranger's end, as Linux can")
def test_no_orphan_stays_when_the_server_is_killed(model_folder: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(model_folder)], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    worker = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    ended, _, _ = select.select([worker], [], [], 180)
    os.close(worker)
    assert ended


def test_what_a_library_prints_does_not_disturb_the_protocol() -> None:
    code = (
        "import os; from miniclaude.engine.parent import claim_output; send = claim_output();"
        " print('chatter'); os.system('echo more'); send({'ready': 1})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout == b'{"ready":1}\n'
    assert b"more" in result.stderr


def test_the_server_side_does_not_import_torch() -> None:
    code = "import sys, miniclaude.engine.process; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
