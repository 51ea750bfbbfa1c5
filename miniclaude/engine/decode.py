"""Steps in which every answer grows by one token, computed on a GPU without asking Python for each
kernel.

A step of eager PyTorch on a GPU is a thousand kernels that a processor starts one by one, and for
small models that takes longer than the kernels themselves. A CUDA graph starts all of them at once,
but it repeats exactly what was captured: the same shapes, the same memory. So ids, places and block
tables lie in tensors that stay where they are, batches are filled up to one of a few sizes, and
attention reads as many positions as a length in memory says. Rows that only fill up read and write
the cache's spare block.

`Decoder(..., graphs=False)` computes the same without capturing: the reference, and it runs on a
CPU too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from miniclaude.engine.kv_cache import BlockCache
from miniclaude.engine.scheduler import Chunk
from miniclaude.model.cache import Segment, Table
from miniclaude.model.paged_attention import can_page
from miniclaude.model.transformer import Transformer

SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Rows of a captured step; larger batches are computed eagerly."""

LEAST_COLUMNS = 16
"""Blocks of each row that are read at least, where all that a table names is read."""

MOST_GRAPHS = 32
"""Each keeps a few megabytes; they share the memory for what is computed in between."""

WARM_UPS = 2
"""Runs before a capture, in which libraries claim their workspaces and kernels are compiled."""

Step = Callable[[], Tensor]


class FixedStep:
    """What `forward` sees of the pool (a `miniclaude.model.cache.Cache`): one new token for each of
    `rows` sequences, in memory that stays where it is.

    inputs: ids, positions and slots to write, [3, rows]. blocks: [rows, columns] of each row.
    """

    def __init__(self, cache: BlockCache, inputs: Tensor, blocks: Tensor) -> None:
        self.cache = cache
        self.ids, self.positions, self.writes = inputs
        self.lengths = self.positions + 1  # [rows]
        self.table = Table(blocks, cache.block_tokens)

    def places(self, tokens: int) -> tuple[Tensor, Tensor]:
        """Each token's position in its own sequence, and that sequence's length; both [1, rows]."""
        return self.positions[None], self.lengths[None]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> list[Segment]:
        """Write this step's keys and values, [1, rows, kv_heads, head_dim], to their slots; one
        segment, for all rows."""
        pools = self.cache.layers[layer]  # [1, kv_heads, slots, head_dim] each
        for pool, new in zip(pools, (keys, values), strict=True):
            pool.index_copy_(2, self.writes, new.transpose(1, 2))
        return [Segment(slice(0, len(self.ids)), *pools, self.lengths, self.table)]


class Decoder:
    """Computes steps of one token each for the answers of one engine.

    context: most positions that a sequence may have. graphs: capture each size's step and replay
    it. Adapters may be attached meanwhile, as long as none is assigned to a row of the step: the
    base's own layers and weights stay where they are.
    """

    def __init__(
        self, model: Transformer, cache: BlockCache, context: int, *, graphs: bool
    ) -> None:
        self.model, self.cache, self.graphs = model, cache, graphs
        self.failed = False
        self.captured = False  # in the last step
        device, most = cache.pool.device, SIZES[-1]
        columns = min(-(-context // cache.block_tokens), cache.spare)
        self.inputs = torch.zeros(3, most, dtype=torch.long, device=device)
        self.blocks = torch.full((most, columns), cache.spare, dtype=torch.int32, device=device)
        self.nobody = (cache.spare,)
        self.rows: list[Sequence[int]] = [self.nobody] * most  # whose each of `blocks` is
        self.steps: dict[tuple[int, int], Step] = {}
        self.memory: Any = None  # what all graphs share

    def takes(self, chunks: Sequence[Chunk]) -> bool:
        """Whether a step is one for here: one token for each answer, and none is guessed."""
        return (
            not self.failed
            and len(chunks) <= SIZES[-1]
            and all(chunk.answer.job.prefilled and not chunk.draft for chunk in chunks)
        )

    def scores(self, chunks: Sequence[Chunk], ids: Sequence[int]) -> Tensor | None:
        """The scores [R, V] of what follows each answer's newest token; good until the next call.
        None where the step cannot be captured: then nothing has been computed."""
        rows = next(size for size in SIZES if size >= len(chunks))
        self.captured = False
        device = self.cache.pool.device
        with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
            self.fill(chunks, ids, rows)
            step = self.step_for(rows, self.columns_for(chunks))
            return None if step is None else step()[: len(chunks)]

    def fill(self, chunks: Sequence[Chunk], ids: Sequence[int], rows: int) -> None:
        """Lay down what the step's rows are."""
        size = self.cache.block_tokens
        positions = [chunk.start for chunk in chunks]
        writes = [
            chunk.answer.blocks[chunk.start // size] * size + chunk.start % size for chunk in chunks
        ]
        empty = rows - len(chunks)
        spare = self.cache.spare * size
        table = [[*ids, *[0] * empty], positions + [0] * empty, writes + [spare] * empty]
        self.inputs[:, :rows] = torch.tensor(table)
        for row in range(rows):
            blocks = chunks[row].answer.blocks if row < len(chunks) else self.nobody
            if self.rows[row] is not blocks:
                self.blocks[row, : len(blocks)] = torch.tensor(blocks, dtype=torch.int32)
                self.rows[row] = blocks  # what lies behind is another's, and past the length

    def columns_for(self, chunks: Sequence[Chunk]) -> int:
        """How many blocks of each row are looked at: all, where attention reads no more of them
        than a row has; else the next power of two that holds the longest."""
        whole = self.blocks.shape[1]
        if can_page(self.cache.pool.device, self.cache.pool.dtype):
            return whole
        needed = max(chunk.start for chunk in chunks) // self.cache.block_tokens + 1
        return min(whole, max(LEAST_COLUMNS, 1 << (needed - 1).bit_length()))

    def step_for(self, rows: int, columns: int) -> Step | None:
        """The step of that shape, captured if it is not yet. None where that fails."""
        step = self.steps.get((rows, columns))
        if step is not None:
            return step

        def compute() -> Tensor:
            fixed = FixedStep(self.cache, self.inputs[:, :rows], self.blocks[:rows, :columns])
            hidden = self.model.hidden(fixed.ids[None], fixed)[0]  # [rows, W]
            scores: Tensor = self.model.head(hidden)
            return scores

        if not self.graphs:
            return compute
        if len(self.steps) >= MOST_GRAPHS:
            return None
        self.captured = True
        try:
            self.memory = self.memory or torch.cuda.graph_pool_handle()
            self.steps[rows, columns] = capture(compute, self.memory)
        except Exception as error:  # a compiler's or a library's own, beside what torch raises
            self.failed = True
            print(
                f"CUDA graphs are not used: a step could not be captured: {error}", file=sys.stderr
            )
        return self.steps.get((rows, columns))


def capture(compute: Step, memory: Any) -> Step:
    """The same computation as a CUDA graph; its result is overwritten by the next run.

    Other threads may use the GPU meanwhile. Source: PyTorch's notes on CUDA graphs.
    """
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # PyTorch gives it no types
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            compute()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=memory, capture_error_mode="thread_local"):
        result = compute()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


def make_decoder(model: object, cache: BlockCache) -> Decoder | None:
    """Where steps are captured: on CUDA, for a model that never waits for a number on its way. None
    for others: experts sort tokens by what they ask, and rows in 8 bits are unpacked first."""
    pool = cache.pool
    if not isinstance(model, Transformer) or pool.device.type != "cuda":
        return None
    if pool.dtype == torch.int8 or any(model.config.sparse_layers):
        return None
    return Decoder(model, cache, model.config.context, graphs=True)
