"""How much memory a training run needs, from shapes alone.

Four things are held: the weights, the gradients and AdamW's two moments of what is trained, what
the forward pass keeps for the backward, and a few rows of scores over the vocabulary. All sizes in
bytes. `probe.py` measures the same; this is for what has not been run, such as an alternative.

Letters: W width, F width inside an MLP, V vocabulary, T positions in one forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from miniclaude.device import DTYPES
from miniclaude.model.config import ModelConfig
from miniclaude.model.lora_targets import select
from miniclaude.model.transformer import Transformer
from miniclaude.training.losses import bytes_at_once
from miniclaude.training.spec import TuneSpec

PROCESS = 300 << 20
"""What Python, PyTorch and their buffers take before any model is there; on a GPU, nothing."""


@dataclass(frozen=True, slots=True)
class Memory:
    """process: see PROCESS. weights: base and adapters. training: gradients, the optimizer's
    moments, averaged weights. activations: kept by one forward for its backward. scores: of the
    head, with what is computed from them. loading: the weights before they are quantised."""

    process: int
    weights: int
    training: int
    activations: int
    scores: int
    loading: int

    @property
    def total(self) -> int:
        """The peak, while training or, of a base that is to be quantised, while loading."""
        running = self.weights + self.training + self.activations + self.scores
        return self.process + max(running, self.loading)


def needed(config: ModelConfig, spec: TuneSpec, positions: int, device: str = "cpu") -> Memory:
    """The peak of a run whose largest forward has so many positions."""
    embeddings, linear, norms = parameters(config)
    full = spec.method == "full"
    held = 4 if full else DTYPES[spec.precision].itemsize
    linear_bytes = linear * held
    if spec.method == "qlora":
        linear_bytes = linear * spec.bits // 8 + linear // 32
    trained = embeddings + linear + norms if full else adapter_size(config, spec)
    adapters = 0 if full else 4 * trained
    states = 3 + (1 if spec.ema else 0)
    return Memory(
        process=PROCESS if device == "cpu" else 0,
        weights=(embeddings + norms) * held + linear_bytes + adapters,
        training=4 * trained * states,
        activations=activations(config, spec, positions),
        scores=scores(config, spec, device),
        loading=(embeddings + linear + norms) * held,
    )


def parameters(config: ModelConfig) -> tuple[int, int, int]:
    """How many numbers: in the embeddings and an untied head, in the blocks' linear layers, and in
    what is never quantised: norms, biases and experts, all of them."""
    model = on_paper(config)
    total = sum(parameter.numel() for parameter in model.parameters())
    linear = sum(
        module.weight.numel()
        for module in model.blocks.modules()
        if isinstance(module, torch.nn.Linear)
    )
    embeddings = config.vocab_size * config.width * (1 if config.tied_head else 2)
    if config.positions == "learned":
        embeddings += config.context * config.width
    return embeddings, linear, total - linear - embeddings


@lru_cache(maxsize=8)
def on_paper(config: ModelConfig) -> Transformer:
    """The model without memory, for its shapes."""
    with torch.device("meta"):
        return Transformer(config)


def adapter_size(config: ModelConfig, spec: TuneSpec) -> int:
    """Numbers in the adapters. Raises SettingsError for targets that are not there."""
    slots = select(on_paper(config), spec.lora)
    return sum(spec.lora.rank_of(slot.name) * (slot.inputs + slot.outputs) for slot in slots)


def activations(config: ModelConfig, spec: TuneSpec, positions: int) -> int:
    """What one forward keeps for its backward, and the largest of what it only passes on.

    Of a block: the input of either norm and what it gives (4 W), queries, keys and values twice
    (before and after they are turned or laid apart), the mixed values twice, the MLP's inside
    before and after its nonlinearity. A sparse layer keeps, for each expert that a token asks, that
    expert's insides and what goes in and comes out. Checkpointing keeps one W a block, and the
    insides of the largest.
    """
    c = config
    number = DTYPES[spec.precision].itemsize
    inner = c.heads * c.head_dim
    gated = 2 if c.gated_mlp else 1
    attention = 5 * c.width + 2 * c.qkv_rows + 2 * inner
    insides = 2 * gated + 1
    dense = attention + insides * c.mlp_width
    asked = c.experts_per_token * (5 * c.expert_width + 4 * c.width)
    sparse = attention + asked + 2 * c.experts + insides * c.shared_expert_width
    blocks = [sparse if c.is_sparse(layer) else dense for layer in range(c.layers)]
    kept = sum(blocks)
    if spec.gradient_checkpointing:
        kept = c.layers * c.width + 2 * max(blocks)
    widest = max(gated * c.mlp_width, c.qkv_rows, 2 * c.experts_per_token * c.expert_width)
    passing = 3 * widest + 6 * c.width
    return positions * (kept + passing) * number


def scores(config: ModelConfig, spec: TuneSpec, device: str) -> int:
    """The chunk of scores and its softmax, and what is computed from the head's matrix."""
    matrix = config.vocab_size * config.width
    chunk = min(bytes_at_once(device), 4 * config.vocab_size * spec.batch_tokens)
    if spec.method == "full":
        return 3 * chunk + 4 * matrix
    return 3 * chunk
