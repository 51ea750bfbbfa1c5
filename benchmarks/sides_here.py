"""Sides of `generate.py` that run in this project's own environment: our engine, transformers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from generate_load import Generate, Run


class Numerals:
    """A vocabulary whose tokens are written as their numbers, so that text shows the ids."""

    strips_leading_space = False
    eos_ids: tuple[int, ...] = ()

    def token_bytes(self, token_id: int) -> bytes:
        """The number and a space."""
        return f"{token_id} ".encode()

    def is_special(self, token_id: int) -> bool:
        """None is."""
        return False


def ours(folder: Path, dtype: str, threads: int) -> Generate:
    """Our engine, stepped in this process, through detokenising. It guesses nothing ahead: answers
    of random weights repeat themselves, and a guess would then always be right."""
    import torch

    from miniclaude.engine.engine import Engine
    from miniclaude.engine.limits import EngineLimits
    from miniclaude.engine.protocol import PACKED, EngineSpec
    from miniclaude.engine.request import GenerationRequest, Sampling
    from miniclaude.engine.worker import load_fused, share_cores
    from miniclaude.model.checkpoint import load_model
    from miniclaude.model.packing import read_packing

    torch.set_num_threads(threads)
    limits = EngineLimits(draft_tokens=0)
    if dtype in PACKED:
        is_stored = read_packing(folder) is not None
        spec = EngineSpec(folder, dtype=dtype)
        fused = load_fused(spec, PACKED[dtype], threads, is_stored=is_stored)
        share_cores([fused], threads)
        engine = Engine(fused, Numerals(), limits)
    else:
        engine = Engine(load_model(folder, dtype=getattr(torch, dtype)), Numerals(), limits)

    def generate(prompts: list[list[int]], answer: int) -> Run:
        start = time.perf_counter()
        for number, prompt in enumerate(prompts):
            sampling = Sampling(answer, temperature=0)
            engine.submit(GenerationRequest(str(number), tuple(prompt), sampling))
        times, counts, text = [], [], ""
        while not engine.idle:
            outputs = engine.step()
            times.append(time.perf_counter() - start)
            counts.append(len(outputs))
            text += "".join(output.text for output in outputs if output.id == "0")
        return Run(times, counts, [int(number) for number in text.split()])

    return generate


def transformers(folder: Path, dtype: str, threads: int) -> Generate:
    """transformers' `generate` with its defaults: a dynamic cache and fused attention."""
    import torch
    from transformers import AutoModelForCausalLM, StoppingCriteria, StoppingCriteriaList

    torch.set_num_threads(threads)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    model.eval()

    class Clock(StoppingCriteria):
        """Called after every token; stops nothing."""

        def __init__(self) -> None:
            self.start = time.perf_counter()
            self.times: list[float] = []

        def __call__(self, ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
            self.times.append(time.perf_counter() - self.start)
            return torch.zeros(len(ids), dtype=torch.bool)

    @torch.inference_mode()
    def generate(prompts: list[list[int]], answer: int) -> Run:
        clock = Clock()
        ids = torch.tensor(prompts)
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=answer,
            min_new_tokens=answer,
            do_sample=False,
            pad_token_id=0,
            stopping_criteria=StoppingCriteriaList([clock]),
        )
        return Run(clock.times, [len(prompts)] * answer, out[0, ids.shape[1] :].tolist())

    return generate
