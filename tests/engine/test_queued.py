"""What the engine tells of its queue: nobody is refused by it whom the engine would take."""

from __future__ import annotations

import asyncio
import json
import queue
import signal
from asyncio.subprocess import Process
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from miniclaude.engine.connection import Connection
from miniclaude.engine.grammar import regex_grammar
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.parent import Commands
from miniclaude.engine.process import EngineProcess, EngineSpec
from miniclaude.engine.protocol import Json, decode_line, encode_line, encode_request
from miniclaude.engine.queued import Queued, called
from miniclaude.engine.request import GenerationRequest, Output
from miniclaude.engine.scheduler import Job, Scheduler
from miniclaude.engine.worker import queue_news, serve
from miniclaude.errors import ContextLengthError, InvalidRequestError, OverloadedError
from tests.engine.tiny import ask, tiny_engine

ADA = called("ada")
FULL = Queued(90, 100, {ADA: 10})


class AllToldError(Exception):
    """All that was asked for has been answered."""


def by(user: str, request: GenerationRequest) -> GenerationRequest:
    return replace(request, user=user)


def test_the_room_of_a_user_is_what_the_scheduler_takes() -> None:
    """One token more than is told is refused, and not one fewer; whoever has nothing waiting is not
    spoken of, for a request of theirs may be admitted at once."""
    limits = EngineLimits(block_tokens=4, step_tokens=10, max_running=1, max_queued_tokens=100)
    scheduler = Scheduler(limits, blocks=100)
    scheduler.submit(Job("runs", 1, 19, user="key/runs"))
    for number, (user, tokens) in enumerate(
        [("key/ada", 90), ("other/eve", 30), ("key/bob", 20), ("key/ada", 10), ("third/", 5)]
    ):
        try:
            scheduler.submit(Job(str(number), 1, tokens - 1, user=user))
        except OverloadedError:
            assert number == 3
        queued = scheduler.queued()
        names = {job.user for job in scheduler.waiting}
        assert set(queued.rooms) == {called(name) for name in names}
        for name in sorted(names):
            room = queued.rooms[called(name)]
            if room > 1:
                queued.check(name, room)
                scheduler.submit(Job("fits", 1, room - 1, user=name))
                assert scheduler.cancel("fits")
            more = max(room, 0) + 1
            with pytest.raises(OverloadedError, match="The queue is full") as early:
                queued.check(name, more)
            with pytest.raises(OverloadedError) as late:
                scheduler.submit(Job("more", 1, more - 1, user=name))
            told = [(str(each.value), each.value.retry_after) for each in (early, late)]
            assert told[0] == told[1]
        scheduler.check()


def served(*requests: GenerationRequest) -> list[Json]:
    """All that a worker says of an engine that writes one answer at a time. At the first step that
    tells of an output, the request called `gone` is cancelled."""
    engine = tiny_engine(max_running=1, max_queued_tokens=100)
    commands: Commands = queue.SimpleQueue()
    for request in requests:
        commands.put({"submit": encode_request(request, request.id)})
    said: list[Json] = []
    unfinished = {request.id for request in requests}

    def send(message: Json) -> None:
        message = decode_line(encode_line(message))
        if "gone" in unfinished and "outputs" in message:
            commands.put({"cancel": "gone"})
            unfinished.discard("gone")
        said.append(message)
        unfinished.discard(message.get("refused"))
        unfinished.difference_update(row[0] for row in message.get("outputs", ()) if row[4])
        if not unfinished:
            raise AllToldError

    with pytest.raises(AllToldError):
        serve(engine, commands, send)
    return said


def test_the_queue_is_told_before_a_step_and_taken_back_with_its_outputs() -> None:
    """Who learns that an answer has ended may ask again in the same moment, and the worker would
    admit those who wait before it looked at that: no word of a full queue may outlast the step."""
    one, two = by("ada", ask("1", "hi")), by("ada", ask("2", "hi", max_tokens=90))
    said = served(one, two)
    told = [message["queue"] for message in said if "queue" in message]
    assert told[::2] == [asdict(Queued(92, 100, {ADA: 8}))] * 12
    assert told[1::2] == [None] * 12
    last = max(n for n, message in enumerate(said) if message.get("outputs", [" "])[0][0] == "1")
    assert said[last]["outputs"][0][4] == "length"
    assert said[last]["queue"] is None
    assert all("queue" not in message for message in said[last + 1 :]), "nothing waits any more"


def test_the_worker_says_of_how_many_cancellations_it_knew() -> None:
    said = served(
        by("ada", ask("1", "hi")),
        by("ada", ask("gone", "hi", max_tokens=10)),
        by("ada", ask("2", "hi", max_tokens=50)),
    )
    told = [message["queue"] for message in said if message.get("queue")]
    assert told[0] == asdict(Queued(64, 100, {ADA: 36}))
    assert told[-1] == asdict(Queued(52, 100, {ADA: 48}, cancelled=1))


def test_names_of_any_length_are_told_in_few_characters() -> None:
    """Names are the callers' own, and every step tells those of all who wait."""
    scheduler = Scheduler(EngineLimits(max_running=1, max_queued_tokens=100), blocks=100)
    scheduler.submit(Job("runs", 1, 19))
    for number in range(5):
        scheduler.submit(Job(str(number), 1, 10, user=f"key/{number}" + "\U0001f984" * 512))
    assert len(json.dumps(asdict(scheduler.queued()))) < 300
    assert {len(name) for name in scheduler.queued().rooms} == {16}


@pytest.mark.parametrize(
    ("most", "waiting", "told"), [(100, 2, True), (10_000, 2, False), (2_000, 1_001, False)]
)
def test_a_queue_is_told_only_where_it_helps(most: int, waiting: int, told: bool) -> None:
    """Where any request would have room, or thousands wait, each step would be told of for
    nothing."""
    limits = EngineLimits(block_tokens=4, max_running=1, max_queued_tokens=most)
    scheduler = Scheduler(limits, blocks=1_000)
    scheduler.submit(Job("runs", 1, 19))
    for number in range(waiting):
        scheduler.submit(Job(str(number), 1, 0, user=f"{number}/"))
    assert bool(queue_news(scheduler, 0)) == told


def test_what_can_never_be_admitted_is_told_so_before_it_is_prepared() -> None:
    """A full queue told it to try again in some seconds, for ever."""
    limits = EngineLimits(block_tokens=4, max_running=1, max_queued_tokens=100)
    scheduler = Scheduler(limits, blocks=10)
    scheduler.submit(Job("runs", 1, 19, user="ada"))
    scheduler.submit(Job("waits", 1, 30, user="ada"))
    with pytest.raises(ContextLengthError, match="An answer of up to 41 tokens, prompt included"):
        scheduler.refuse("ada", 1, 41)
    with pytest.raises(InvalidRequestError, match="n is 2; the engine writes 1 answers at once"):
        scheduler.refuse("ada", 2, 4)
    scheduler.limits = replace(limits, max_queued_tokens=32)
    with pytest.raises(OverloadedError):
        scheduler.refuse("ada", 1, 40)


def test_what_would_be_refused_is_not_prepared_first() -> None:
    """A grammar was compiled for a request whose user had no room in the queue, and the request
    then refused."""
    bound = replace(ask("bound", "hi", max_tokens=50), grammar=regex_grammar("a", spaced=False))
    said = served(
        by("ada", ask("1", "hi")), by("ada", ask("2", "hi", max_tokens=80)), by("ada", bound)
    )
    [refused] = [message for message in said if "refused" in message]
    assert refused["refused"] == "bound"
    assert said[0] == refused
    assert "82 tokens are waiting, and 100 may" in refused["error"]["message"]


@pytest.mark.anyio
async def test_the_server_knows_only_what_still_holds(model_folder: Path) -> None:
    """One who leaves and asks anew was refused for the place of the request that they had left,
    until the step had ended in which the worker heard of it."""
    engine = EngineProcess(EngineSpec(model_folder, device="cpu", threads=1))
    assert engine.queue_of("ada") is None  # nothing is known before there is a worker
    await engine.start()
    try:
        connection = await engine.connected()
        connection.told_queue(asdict(FULL))
        assert engine.queue_of("ada") == FULL
        FULL.check("ada", 10)
        with pytest.raises(OverloadedError, match="90 tokens are waiting, and 100 may"):
            FULL.check("ada", 11)
        assert engine.queue_of("eve") is None
        connection.cancel("not known")
        assert engine.queue_of("ada") is None
        connection.told_queue(asdict(replace(FULL, cancelled=1)))
        assert engine.queue_of("ada") is not None
        connection.told_queue(None)
        assert engine.queue_of("ada") is None
    finally:
        await engine.close()


async def outputs_of(engine: EngineProcess, request: GenerationRequest) -> list[Output]:
    return [output async for output in engine.submit(request)]


async def go_on(worker: Process) -> None:
    worker.send_signal(signal.SIGCONT)


@pytest.mark.anyio
async def test_the_queue_of_a_worker_reaches_the_server(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Json | None] = []
    listen = Connection.told_queue

    def record(connection: Connection, queued: Json | None) -> None:
        told.append(queued)
        listen(connection, queued)

    monkeypatch.setattr(Connection, "told_queue", record)
    limits = EngineLimits(kv_tokens=96, max_running=1, max_queued_tokens=100)
    engine = EngineProcess(EngineSpec(model_folder, device="cpu", threads=1, limits=limits))
    await engine.start()
    try:
        worker = (await engine.connected()).process
        worker.send_signal(signal.SIGSTOP)  # so that it finds both requests, not the first alone
        first = by("ada", ask("1", "hi", max_tokens=60))
        second = by("ada", ask("2", "hi", max_tokens=20))
        *answers, _ = await asyncio.gather(
            outputs_of(engine, first), outputs_of(engine, second), go_on(worker)
        )
        assert all(answers)
    finally:
        await engine.close()
    assert asdict(Queued(22, 100, {ADA: 78})) in told
    assert told[-1] is None
