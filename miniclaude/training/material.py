"""What a fine-tuning run reads: a data set's rows as batches for one objective."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.prepared import PreparedDataset
from miniclaude.data.rejection import Rejection
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.losses import Supervised
from miniclaude.training.objective import BatchSource, Objective
from miniclaude.training.packing import PackedBatches, pack_epochs
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tasks import check_task
from miniclaude.training.tokenise import tokenise


@dataclass(frozen=True, slots=True)
class Material:
    """What a run reads. batches: all of it, in order. validation: what is held out, None when
    nothing is. trained: tokens learnt in one pass. fingerprint: of the data, as it is
    learnt and as what is held out is measured.
    summary: one line about it. rejected: rows with nothing to learn."""

    objective: Objective[Any]
    batches: BatchSource[Any]
    validation: BatchSource[Any] | None
    trained: int
    fingerprint: str
    summary: str
    rejected: tuple[Rejection, ...] = ()


def gather(
    dataset: PreparedDataset, tokenizer: Tokenizer, spec: TuneSpec, context: int
) -> Material:
    """Tokens and batches of a data set's splits, for supervised training.

    context: most positions the model has.

    Raises DatasetError when its rows are of another kind than the objective learns from, or hold
    nothing to learn.
    """
    check_task(dataset.task, "supervised", dataset.name)
    length = min(spec.max_length, context)
    taught = tokenise(dataset.examples("train"), tokenizer, length)
    validation = None
    fingerprint = taught.fingerprint
    if dataset.count("validation"):
        held_out = tokenise(dataset.examples("validation"), tokenizer, length).documents
        fingerprint += f"+{held_out.fingerprint}"
        once = pack_epochs(held_out.lengths, size=spec.batch_tokens)
        validation = PackedBatches(held_out, once)
    return Material(
        objective=Supervised(),
        batches=PackedBatches(taught.documents, packed(taught.documents.lengths, spec)),
        validation=validation,
        trained=taught.trained,
        fingerprint=fingerprint,
        summary=taught.summary(),
        rejected=taught.rejected,
    )


def packed(lengths: NDArray[np.int64], spec: TuneSpec) -> list[NDArray[np.int64]]:
    """The order of the whole run for examples of these lengths. [D] -> batches of indexes."""
    return pack_epochs(
        lengths,
        size=spec.batch_tokens,
        most=math.ceil(spec.batch_size / spec.accumulate),
        epochs=spec.epochs,
        batches=spec.steps * spec.accumulate,
        seed=spec.seed,
    )
