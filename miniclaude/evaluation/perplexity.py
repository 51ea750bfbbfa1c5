"""How well a model predicts text it never saw, in bits per byte.

Nats per token depend on how a tokenizer cuts the text; bits per UTF-8 byte do not, so models with
different vocabularies can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from miniclaude.data.batches import make_batch
from miniclaude.data.tokens import TokenSet
from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.transformer import Transformer


@dataclass(frozen=True, slots=True)
class HeldOutScore:
    """nats: total over `tokens` predictions, of text `size` bytes long."""

    nats: float
    tokens: int
    size: int

    @property
    def bits_per_byte(self) -> float:
        """Bits the model needs for each UTF-8 byte of the text."""
        return self.nats / math.log(2) / max(self.size, 1)

    @property
    def perplexity(self) -> float:
        """exp of the mean nats a token."""
        return math.exp(self.nats / max(self.tokens, 1))


HEAD_BYTES = 32 << 20
"""How much of the scores over the vocabulary, in float32, exists at once."""


@torch.inference_mode()
def score(
    model: Transformer, documents: TokenSet, *, limit: int | None = None, batch: int = 4096
) -> HeldOutScore:
    """Score the first documents, of about `limit` positions together (None: all), by the tokens
    that are to be learnt of them: of a conversation, those of the assistant.

    batch: most positions in one forward, unless one document is longer.
    """
    device = model.tokens.weight.device
    rows = max(1, HEAD_BYTES // (4 * model.config.vocab_size))
    nats, tokens, size, positions = 0.0, 0, 0, 0
    lengths = documents.lengths
    index = 0
    while index < len(documents) and (limit is None or positions < limit):
        end, filled = index, 0
        while end < len(documents) and (not filled or filled + lengths[end] <= batch):
            filled += int(lengths[end])
            end += 1
        chunk = make_batch([documents.document(number) for number in range(index, end)]).to(device)
        documents_apart = DocumentsApart(chunk.lengths, device)
        states = model.hidden(chunk.ids, documents_apart)[chunk.learn]  # [n, W]
        targets = chunk.targets[chunk.learn]  # [n]
        for start in range(0, len(states), rows):
            some = slice(start, start + rows)
            logits = model.head(states[some]).float()  # [rows, V]
            nats += cross_entropy(logits, targets[some], reduction="sum").item()
        tokens += len(states)
        size += int(documents.sizes[index:end].sum())
        positions += filled
        index = end
    return HeldOutScore(nats, tokens, size)
