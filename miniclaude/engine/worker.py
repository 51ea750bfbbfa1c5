"""The engine's own process: `python -m miniclaude.engine.worker`.

It holds the model and nothing else: no keys, no database, no sockets. Commands come by standard
input and news goes out by standard output, as `protocol.py` defines them; whatever a library
prints goes to standard error. When standard input ends, the parent has gone, and so does this
process, at once and whatever it is doing.
"""

from __future__ import annotations

import gc
import queue
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from miniclaude.device import FLOAT8, Placement, choose_placement
from miniclaude.engine.draft_check import check_draft_memory, check_draft_vocabulary
from miniclaude.engine.engine import Engine
from miniclaude.engine.machine import default_threads, physical_cores
from miniclaude.engine.parent import Commands, Send, claim_output, leave, read_commands
from miniclaude.engine.preparing import Prepared, Preparing
from miniclaude.engine.protocol import (
    MAX_LINE,
    PACKED,
    EngineInfo,
    EngineSpec,
    Json,
    decode_line,
    decode_request,
    decode_spec,
    encode_error,
    encode_output,
)
from miniclaude.engine.request import GenerationRequest
from miniclaude.engine.scheduler import Scheduler
from miniclaude.errors import CheckpointError, MiniClaudeError, SettingsError
from miniclaude.model.adapter import load_adapter
from miniclaude.model.checkpoint import load_model
from miniclaude.model.config import ModelConfig
from miniclaude.model.float8 import check_float8, convert
from miniclaude.model.lora import fold
from miniclaude.model.packed import Bits
from miniclaude.model.packing import Packing, read_packing
from miniclaude.model.transformer import Transformer
from miniclaude.model.tuned import check_files
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer, check_vocabulary

if TYPE_CHECKING:  # its compiler takes a second to import
    from miniclaude.engine.fused import FusedModel


def load(spec: EngineSpec) -> tuple[Engine, EngineInfo]:
    """The engine that a spec asks for. Raises CheckpointError, TokenizerError or SettingsError."""
    threads = spec.threads or physical_cores()
    torch.set_num_threads(threads)
    tokenizer = load_tokenizer(spec.folder, templates=spec.adapter)
    model, place, packed = load_weights(spec, threads)
    if spec.threads is None and isinstance(model, Transformer):
        held = chain(model.parameters(), model.buffers())  # 8-bit floats are no parameters
        threads = default_threads(sum(each.numel() for each in held))
        torch.set_num_threads(threads)
    check_vocabulary(tokenizer, model.config.vocab_size, spec.folder)
    draft = None
    if spec.draft is not None:
        draft = load_draft(spec, spec.draft, tokenizer, model.config, threads)
    share_cores([model] if draft is None else [model, draft], threads)
    engine = Engine(model, tokenizer, spec.limits, draft=draft)
    return engine, EngineInfo(
        vocab_size=model.config.vocab_size,
        context=model.config.context,
        width=model.config.width,
        kv_tokens=engine.kv_tokens,
        device=str(place.device),
        dtype=told_dtype(spec, place, packed),
        threads=threads,
    )


def told_dtype(spec: EngineSpec, place: Placement, packed: Bits | None) -> str:
    """What the weights are held in, as the setting `dtype` calls it."""
    if packed is not None:
        return f"int{packed}"
    return FLOAT8 if spec.dtype == FLOAT8 else str(place.dtype).removeprefix("torch.")


def load_weights(
    spec: EngineSpec, threads: int
) -> tuple[Transformer | FusedModel, Placement, Bits | None]:
    """A spec's model, where it is, and the bits of its weights where they are packed."""
    stored = read_packing(spec.folder)
    packed = PACKED.get(spec.dtype) if stored is None else stored_bits(spec, stored)
    place = (
        choose_placement(spec.device, spec.dtype) if packed is None else packed_place(spec, packed)
    )
    if packed is not None:
        return load_fused(spec, packed, threads, is_stored=stored is not None), place, packed
    if spec.dtype == FLOAT8:
        check_float8(place.device)
    model = load_model(spec.folder, device=place.device, dtype=place.dtype)
    if spec.adapter is not None:
        add_adapter(model, spec.adapter)
    if spec.dtype == FLOAT8:
        convert(model)
        if place.device.type == "cuda":
            torch.cuda.empty_cache()  # what bfloat16 took is free for keys and values
    return model, place, None


def load_draft(
    spec: EngineSpec, folder: Path, tokenizer: Tokenizer, config: ModelConfig, threads: int
) -> Transformer | FusedModel:
    """A model that guesses for the one of the spec, whose tokenizer and config are given; in the
    same number format, unless it is stored in another. Raises SettingsError when it cannot."""
    own = load_tokenizer(folder)
    check_draft_vocabulary(own, tokenizer, folder)
    stored = read_packing(folder)
    dtype = spec.dtype if stored is None else "auto"
    bits = PACKED.get(dtype) if stored is None else stored.bits
    place = choose_placement(spec.device, "auto" if bits else dtype)
    check_draft_memory(
        folder, config, spec.limits, dtype=place.dtype, device=place.device, bits=bits
    )
    asked = EngineSpec(folder, spec.device, dtype, spec.threads, spec.limits)
    model, _, _ = load_weights(asked, threads)
    check_vocabulary(own, model.config.vocab_size, folder)
    return model


def stored_bits(spec: EngineSpec, stored: Packing) -> Bits:
    """Those that the folder's weights are stored in. Raises SettingsError when another number
    format is asked for, CheckpointError when an adapter is to be merged."""
    if spec.dtype not in ("auto", stored.dtype):
        raise SettingsError(
            f"dtype: the weights in {spec.folder} are stored in {stored.dtype}, and dtype is"
            f" {spec.dtype!r}.",
            hint="Leave dtype out for this model, or use the original that it was made from.",
            param="dtype",
        )
    if spec.adapter is not None:
        raise CheckpointError(
            f"{spec.adapter}: the adapter has to be merged into its base, and the base's weights in"
            f" {spec.folder} are stored in {stored.dtype}.",
            hint="Install the original model under the base's name again; `--dtype"
            f" {stored.dtype}` packs the two together.",
        )
    return stored.bits


def packed_place(spec: EngineSpec, bits: Bits) -> Placement:
    """The CPU. Raises SettingsError when another device is asked for."""
    if spec.device not in ("auto", "cpu"):
        raise SettingsError(
            f"dtype: int{bits} weights are for the CPU, and device is {spec.device!r}.",
            hint="Leave the device out; on it, use the model that is not packed, in bfloat16.",
            param="dtype",
        )
    return Placement(torch.device("cpu"), torch.float32)


def load_fused(
    spec: EngineSpec, bits: Bits, threads: int, *, is_stored: bool = False
) -> FusedModel:
    """The model in 8 or 4 bits, its kernels compiled. is_stored: the folder has it so. With an
    adapter, the whole model is held as floats first, so that the two are rounded once and
    together."""
    from miniclaude.engine.fused import FusedModel
    from miniclaude.model.load_packed import load_packed
    from miniclaude.model.packed_folder import map_packed
    from miniclaude.model.packed_layers import pack_model
    from miniclaude.model.resident import give_back_code

    give_back_code()  # of all that has just been imported
    mapped = 0
    if is_stored:
        mapped = sum(file.stat().st_size for file in spec.folder.glob("*.safetensors"))
        model = map_packed(spec.folder)
    elif spec.adapter is None:
        model = load_packed(spec.folder, bits)
    else:
        model = load_model(spec.folder)
        add_adapter(model, spec.adapter)
        pack_model(model, bits)
    fused = FusedModel(model, threads, mapped)
    give_back_code()  # of the compiler
    return fused


def share_cores(models: Sequence[Transformer | FusedModel], threads: int) -> None:
    """Tell PyTorch how many threads it may use for these models: all of them for a transformer; one
    where teams of threads do the work. The others of PyTorch's would help with little things alone,
    and look for more to do for milliseconds afterwards, on a core that the team needs."""
    torch.set_num_threads(threads if any(isinstance(m, Transformer) for m in models) else 1)


def add_adapter(model: Transformer, folder: Path) -> None:
    """Into the weights, so that a tuned model is as fast as its base. What of the adapter's files
    is not used goes to the log. Raises CheckpointError naming the file at fault."""
    check_files(folder)
    for sentence in load_adapter(model, folder).left_out:
        print(f"{folder}: {sentence}", file=sys.stderr)
    fold(model)


def prepare(engine: Engine, request: GenerationRequest) -> Prepared:
    """What a request needs and is not there yet. Not called in the step loop's thread."""
    grammar, adapter = request.grammar, request.adapter
    return Prepared(
        None if grammar is None else engine.grammars.compile(grammar),
        None if adapter is None or engine.adapters.has(adapter) else engine.adapters.load(adapter),
    )


def obey(engine: Engine, preparing: Preparing, command: Json, send: Send) -> None:
    """Carry out one command; a request that cannot be taken on is refused by name."""
    if "cancel" in command:
        preparing.cancel(command["cancel"])
        engine.cancel(command["cancel"])
        return
    try:
        if "prepared" in command:
            name = command["prepared"]
            taken = preparing.take(name)
            if taken is not None:
                request, prepared = taken
                engine.submit(request, *prepared)
            return
        request = decode_request(command["submit"])
        name = request.id
        matcher = None if request.grammar is None else engine.grammars.known(request.grammar)
        if (request.grammar is None or matcher) and engine.adapters.has(request.adapter):
            engine.submit(request, matcher)
        else:
            scheduler, longest = engine.scheduler, len(request.prompt) + request.sampling.max_tokens
            scheduler.refuse(request.user, request.sampling.n, longest)
            preparing.add(request, engine.limits.max_wait_seconds)
    except MiniClaudeError as error:
        send({"refused": name, "error": encode_error(error)})


MOST_TOLD = 1_000
"""Requests in a queue that is told: whoever is not refused early is refused by the engine."""


def queue_news(scheduler: Scheduler, cancelled: int) -> Json:
    """What waits and will until the next step has ended; nothing when there is room for any request
    all the same, or too many wait to be told at each step. cancelled: how many requests were to be
    forgotten until now."""

    def has_room() -> bool:
        left = scheduler.limits.max_queued_tokens - scheduler.queued_tokens
        return not scheduler.waiting or left >= scheduler.most_tokens

    if has_room():
        return {}
    scheduler.admit()  # as the step begins
    if has_room() or len(scheduler.waiting) > MOST_TOLD:
        return {}
    return {"queue": asdict(replace(scheduler.queued(), cancelled=cancelled))}


def serve(engine: Engine, commands: Commands, send: Send) -> None:
    """Step for as long as there is work; sleep until the next command when there is none."""
    preparing = Preparing(
        partial(prepare, engine),
        lambda request_id: commands.put({"prepared": request_id}),
        engine.clock,
    )
    cancelled = 0
    while True:
        while engine.idle or not commands.empty():
            command = commands.get()
            cancelled += "cancel" in command
            obey(engine, preparing, command, send)
        expired = engine.expire()
        queue = queue_news(engine.scheduler, cancelled)
        if queue:
            send(queue)
        for request_id, error in expired.items():
            send({"refused": request_id, "error": encode_error(error)})
        outputs = engine.step()
        # Before the next step others may be admitted: what was told of the queue holds no longer.
        news: Json = {"queue": None} if queue else {}
        if outputs:
            news["outputs"] = [encode_output(output) for output in outputs]
            news["guessed"] = dict(engine.guessing.counts)
            engine.guessing.counts.clear()
        if news:
            send(news)


def main() -> int:
    """Read the spec, load, serve. Returns the exit code when loading fails."""
    send = claim_output()
    source = sys.stdin.buffer
    spec = decode_spec(decode_line(source.readline(MAX_LINE)))
    commands: Commands = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(source, commands), daemon=True).start()
    try:
        engine, info = load(spec)
    except MiniClaudeError as error:
        send({"failed": encode_error(error)})
        return 1
    # What is loaded by now stays. To look through it at each collection would take an eighth of a
    # second, in which no answer grows.
    gc.freeze()
    send({"ready": asdict(info)})
    serve(engine, commands, send)
    return 0


if __name__ == "__main__":
    try:
        leave(main())
    except Exception:
        traceback.print_exc()
        leave(1)
