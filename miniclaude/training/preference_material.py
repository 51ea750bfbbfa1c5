"""What a preference run reads: like `material.gather`, for rows that compare answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.prepared import PreparedDataset
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.comparisons import ComparisonBatches, Comparisons, tokenise_comparisons
from miniclaude.training.material import Material, packed
from miniclaude.training.packing import pack_epochs
from miniclaude.training.preference import DPO, KTO, kto_weights
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tasks import check_task

Reference = Callable[[Comparisons], NDArray[np.float32]]
"""What the base thinks of each document, [2 · rows]: `preference.reference_log_probabilities`."""


def unknown_reference(comparisons: Comparisons) -> NDArray[np.float32]:
    """Zeros, for a probe that wants to know how long a step takes, not what it learns."""
    return np.zeros(len(comparisons.documents), dtype=np.float32)


def gather_comparisons(
    dataset: PreparedDataset,
    tokenizer: Tokenizer,
    spec: TuneSpec,
    context: int,
    reference: Reference,
) -> Material:
    """Batches of a dataset's splits for DPO or KTO. context: most positions the model has.

    Raises DatasetError when the rows are of another kind, or none can be used.
    """
    check_task(dataset.task, spec.objective, dataset.name)
    length = min(spec.max_length, context)
    taught = tokenise_comparisons(dataset.examples("train"), tokenizer, length)
    order = packed(taught.lengths, spec)
    validation = None
    known = fingerprint(taught)
    if dataset.count("validation") > (1 if spec.objective == "kto" else 0):
        held_out = tokenise_comparisons(dataset.examples("validation"), tokenizer, length)
        known += f"+{fingerprint(held_out)}"
        once = pack_epochs(held_out.lengths, size=spec.batch_tokens)
        validation = ComparisonBatches(held_out.with_reference(reference(held_out)), once)
    return Material(
        objective=objective_of(spec, taught),
        batches=ComparisonBatches(taught.with_reference(reference(taught)), order),
        validation=validation,
        trained=trained_tokens(taught),
        fingerprint=known,
        summary=summary(taught),
        rejected=taught.rejected,
    )


def objective_of(spec: TuneSpec, taught: Comparisons) -> DPO | KTO:
    """The loss; KTO weighs both kinds of answer alike, whichever is rarer."""
    if taught.desirable is None:
        return DPO(spec.beta)
    return KTO(spec.beta, *kto_weights(taught.desirable))


def trained_tokens(taught: Comparisons) -> int:
    """Tokens the loss is taken over in one epoch: all answers, without KTO's mismatched ones."""
    documents = taught.documents
    every = np.add.reduceat(documents.learn, documents.starts[:-1], dtype=np.int64)  # [2 · rows]
    return int(every.sum() if taught.desirable is None else every[::2].sum())


def fingerprint(taught: Comparisons) -> str:
    """SHA-256 of the tokens, of what counts, and of the labels."""
    labels = b"" if taught.desirable is None else taught.desirable.tobytes()
    return hashlib.sha256(taught.documents.fingerprint.encode() + labels).hexdigest()


def summary(taught: Comparisons) -> str:
    """One line for people."""
    what = "pairs of answers" if taught.desirable is None else "rated answers"
    positions, trained = int(taught.documents.lengths.sum()), trained_tokens(taught)
    text = f"{len(taught):,} {what}, {positions:,} tokens, {trained:,} of answers"
    text += f"; {taught.cut:,} cut at the end" if taught.cut else ""
    return text + (f"; {len(taught.rejected):,} rows left out" if taught.rejected else "")
