"""Sides of `generate.py` that run in a peer's own Python. Each is used as its makers mean it to be
used for many requests at once, and says when each token came."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from generate_load import Generate, Run

STEP_TOKENS = 512  # most tokens in one step, as in ours


def llama_cpp(file: Path, threads: int) -> Generate:
    """llama.cpp, several sequences in one batch, each with cells of its own."""
    import llama_cpp as api  # type: ignore[import-not-found]
    import numpy as np

    silent = api.llama_log_callback(lambda level, text, data: None)
    api.llama_log_set(silent, None)
    api.llama_backend_init()
    model = api.llama_model_load_from_file(str(file).encode(), api.llama_model_default_params())
    vocab_size = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
    batch = api.llama_batch_init(STEP_TOKENS, 0, 1)
    contexts: dict[tuple[int, int], Any] = {}

    def context_for(streams: int, length: int) -> Any:
        key = (streams, 256 * (length // 256 + 1))
        if key not in contexts:
            while contexts:  # one at a time: their cells are the larger part of the memory
                api.llama_free(contexts.popitem()[1])
            params = api.llama_context_default_params()
            params.n_seq_max, params.n_ctx = streams, streams * key[1]
            params.n_batch = params.n_ubatch = STEP_TOKENS
            params.n_threads = params.n_threads_batch = threads
            contexts[key] = api.llama_init_from_model(model, params)
            decode(contexts[key], [(0, 0, 5, True)])
        api.llama_memory_clear(api.llama_get_memory(contexts[key]), True)
        return contexts[key]

    def decode(context: Any, tokens: list[tuple[int, int, int, bool]]) -> dict[int, int]:
        """One step. tokens: (sequence, position, token, whether the next is wanted). Returns each
        sequence's next token."""
        batch.n_tokens = len(tokens)
        for row, (sequence, position, token, wanted) in enumerate(tokens):
            batch.token[row], batch.pos[row], batch.logits[row] = token, position, wanted
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, sequence
        if api.llama_decode(context, batch) != 0:
            raise SystemExit("llama.cpp could not decode a batch")
        chosen = {}
        for row, (sequence, _, _, wanted) in enumerate(tokens):
            if wanted:
                scores = api.llama_get_logits_ith(context, row)
                chosen[sequence] = int(np.ctypeslib.as_array(scores, (vocab_size,)).argmax())
        return chosen

    def generate(prompts: list[list[int]], answer: int, _log: Any = silent) -> Run:
        context = context_for(len(prompts), len(prompts[0]) + answer)
        waiting = [
            (sequence, position, token, position == len(prompt) - 1)
            for sequence, prompt in enumerate(prompts)
            for position, token in enumerate(prompt)
        ]
        start, times, counts = time.perf_counter(), [], []
        last: dict[int, int] = {}
        for begin in range(0, len(waiting), STEP_TOKENS):
            chosen = decode(context, waiting[begin : begin + STEP_TOKENS])
            last |= chosen
            times.append(time.perf_counter() - start)
            counts.append(len(chosen))
        ids = [last[0]]
        for position in range(len(prompts[0]), len(prompts[0]) + answer - 1):
            last = decode(context, [(each, position, token, True) for each, token in last.items()])
            times.append(time.perf_counter() - start)
            counts.append(len(last))
            ids.append(last[0])
        times = [at for at, count in zip(times, counts, strict=True) if count]
        return Run(times, [count for count in counts if count], ids)

    return generate


def ctranslate2(folder: Path, threads: int) -> Generate:
    """CTranslate2's generator: one static batch."""
    from ctranslate2 import Generator  # type: ignore[import-not-found]

    model = Generator(str(folder), compute_type="int8", intra_threads=threads, inter_threads=1)

    def generate(prompts: list[list[int]], answer: int) -> Run:
        moments: dict[int, list[float]] = {}
        ids: list[int] = []

        def note(result: Any) -> bool:
            moments.setdefault(result.step, []).append(time.perf_counter() - start)
            if result.batch_id == 0:
                ids.append(result.token_id)
            return False

        words = [[f"t{token}" for token in prompt] for prompt in prompts]
        start = time.perf_counter()
        model.generate_batch(
            words,
            max_length=answer,
            min_length=answer,
            include_prompt_in_result=False,
            sampling_topk=1,
            callback=note,
        )
        steps = [moments[step] for step in sorted(moments)]
        return Run([step[-1] for step in steps], [len(step) for step in steps], ids)

    return generate


def openvino(folder: Path, threads: int) -> Generate:
    """OpenVINO GenAI's continuous batching, stepped here."""
    import numpy as np
    import openvino_genai as api  # type: ignore[import-not-found]
    from openvino import Tensor  # type: ignore[import-not-found]

    scheduler = api.SchedulerConfig()
    scheduler.max_num_batched_tokens = STEP_TOKENS
    options = {"INFERENCE_NUM_THREADS": threads}
    pipeline = api.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", options)
    names = iter(range(1 << 40))

    def generate(prompts: list[list[int]], answer: int) -> Run:
        config = api.GenerationConfig()
        config.max_new_tokens = config.min_new_tokens = answer
        config.do_sample, config.ignore_eos = False, True
        start, times, counts = time.perf_counter(), [], []
        handles = [
            pipeline.add_request(next(names), Tensor(np.array([prompt], np.int64)), config)
            for prompt in prompts
        ]
        ids: list[int] = []
        while pipeline.has_non_finished_requests():
            pipeline.step()
            times.append(time.perf_counter() - start)
            news = [handle.read() if handle.can_read() else {} for handle in handles]
            counts.append(sum(1 for new in news if new))
            ids += [token for output in news[0].values() for token in output.generated_ids]
        return Run(times, counts, ids)

    return generate
