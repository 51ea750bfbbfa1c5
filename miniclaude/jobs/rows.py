"""A job's rows: its sources prepared in the job's folder, or a dataset that was prepared before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from miniclaude.data.example import Example
from miniclaude.data.pipeline import prepare
from miniclaude.data.prepared import PreparedDataset, Split
from miniclaude.data.recipe import PrepareOptions
from miniclaude.errors import DatasetError
from miniclaude.jobs.order import JobOrder, Tell

HELD_OUT = 0.1
"""Share of the rows that is held out when the order brings no rows for that."""


@dataclass(frozen=True, slots=True)
class HeldOutElsewhere(PreparedDataset):
    """The training rows of one dataset, and all rows of another to be measured on."""

    held_out: PreparedDataset

    @property
    def fingerprint(self) -> str:
        """Of both."""
        own = PreparedDataset.fingerprint.fget(self)  # type: ignore[attr-defined]
        return sha256(f"{own} {self.held_out.fingerprint}".encode()).hexdigest()

    def count(self, split: Split) -> int:
        """Rows of a split; whatever the other dataset calls its rows, they are held out here."""
        if split == "train":
            return PreparedDataset.count(self, "train")
        return self.held_out.count("train") + self.held_out.count("validation")

    def examples(self, split: Split) -> Iterator[Example]:
        """The rows of a split, lazily. Raises DatasetError."""
        if split == "train":
            yield from PreparedDataset.examples(self, "train")
            return
        for part in ("train", "validation"):
            yield from self.held_out.examples(part)


def rows_of(order: JobOrder, folder: Path, tell: Tell) -> PreparedDataset:
    """The order's rows, ready to be learnt from; what is rejected is told of.

    Rows that a person uploads for a job are learnt as they are, without augmentation.
    Raises DatasetError when there is nothing to learn from, and what `prepare` raises.
    """
    if order.prepared is not None:
        taught = PreparedDataset.open(order.prepared)
    else:
        share = 0.0 if order.validation else HELD_OUT
        taught = _prepared(order, "training", folder / "dataset", share, tell)
    if not order.validation:
        return taught
    if len(order.validation) == 1 and (Path(order.validation[0].path) / "manifest.json").is_file():
        held_out = PreparedDataset.open(Path(order.validation[0].path))
    else:
        held_out = _prepared(order, "validation", folder / "validation", 0.0, tell)
    if held_out.task != taught.task:
        raise DatasetError(
            f"The validation rows are of the kind {held_out.task!r}, the training rows of the kind"
            f" {taught.task!r}.",
            hint="Give both the same kind of rows.",
            param="validation_file",
        )
    return HeldOutElsewhere(taught.folder, taught.manifest, held_out)


def _prepared(
    order: JobOrder, which: str, folder: Path, share: float, tell: Tell
) -> PreparedDataset:
    sources = order.training if which == "training" else order.validation
    options = PrepareOptions(augment=False, validation=share, seed=order.seed)
    dataset = prepare([source.path for source in sources], folder, options, processes=1)
    rejected = dataset.manifest["rows"]["rejected"]  # type: ignore[index]
    names = ", ".join(source.name for source in sources)
    purpose = "to learn from" if which == "training" else "to be measured on"
    said = f"{names}: {dataset.count('train'):,} rows {purpose}"
    said += f", {dataset.count('validation'):,} held out" if share else ""
    tell({"event": "message", "message": f"{said}; {rejected:,} rejected."})
    return dataset
