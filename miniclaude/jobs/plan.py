"""From a job's row, which holds what was asked, to the order its worker carries out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from miniclaude.data.seed import NAMES as SEED
from miniclaude.errors import DatasetError, InvalidRequestError, StoreError
from miniclaude.jobs.order import JobOrder, Source
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.packing import read_packing
from miniclaude.store.file_folder import FileFolder
from miniclaude.store.jobs import Job

DATASET = "dataset:"
"""What begins the name of a dataset where a file's id may stand too."""

ENDINGS = frozenset(
    {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md", ".parquet", ".arrow"}
)
"""Of files that can be read; one with another is taken for JSON Lines."""

OUR_NAMES = {"n_epochs": "epochs"}
"""Hyperparameters of the OpenAI API → fields of TuneSpec; the others have the same name."""

LORA_FIELDS = ("r", "alpha", "dropout", "rslora", "dora", "targets")
NOT_SPEC = ("batch_size", "learning_rate_multiplier", "tuning")


class Plan:
    """Knows where things are in one home folder."""

    def __init__(
        self, library: Library, files: FileFolder, datasets: Path, adapters: Path, runs: Path
    ) -> None:
        self._library = library
        self._files = files
        self._runs = runs
        self._datasets = datasets
        self._adapters = adapters

    def check(self, model: str, training: str, validation: str | None) -> None:
        """Refuse at once what could never be carried out. Raises ModelNotFoundError,
        InvalidRequestError. Files are checked by the store."""
        base_of(self._library, model)
        for param, name in (("training_file", training), ("validation_file", validation)):
            if name is not None and name.startswith(DATASET):
                self._dataset(name.removeprefix(DATASET), param)

    def order(self, job: Job, names: Mapping[str, str]) -> JobOrder:
        """What the worker is told. names: files' own names, by their ids. Raises
        ModelNotFoundError, InvalidRequestError or DatasetError when something was removed since
        it was asked for."""
        spec, batch_size, multiplier = spec_of(job.method)
        prepared, training = self._sources(job, job.training_file, "training_file", names)
        also_prepared, validation = self._sources(
            job, job.validation_file, "validation_file", names
        )
        if also_prepared is not None:
            validation = (Source(str(also_prepared), also_prepared.name),)
        return JobOrder(
            id=job.id,
            model_id=job.model_id,
            base=job.model,
            base_folder=base_of(self._library, job.model).path,
            adapters=self._adapters,
            training=training,
            validation=validation,
            prepared=prepared,
            spec=spec,
            batch_size=batch_size,
            learning_rate_multiplier=multiplier,
            org=job.owner,
            suffix=job.suffix,
            seed=job.seed,
        )

    def _sources(
        self, job: Job, name: str | None, param: str, names: Mapping[str, str]
    ) -> tuple[Path | None, tuple[Source, ...]]:
        """A prepared dataset's folder, or else sources of rows."""
        if name is None:
            return None, ()
        if name.startswith(DATASET):
            dataset = name.removeprefix(DATASET)
            folder = self._dataset(dataset, param)
            return folder, () if folder is not None else (Source("seed", dataset),)
        path = self._files.path(name)
        if not path.is_file():
            raise DatasetError(
                f"The file {names.get(name, name)} has gone from the disk.",
                hint="Upload it again and start a new job.",
                param=param,
                code="file_not_found",
            )
        shown = names.get(name, name)
        # A file's ending says how it is to be read, and there are only these.
        ending = Path(shown).suffix.lower()
        link = self._runs / job.id / f"{name}{ending if ending in ENDINGS else '.jsonl'}"
        try:
            link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        except OSError as error:
            raise StoreError(
                f"The job's folder cannot be written: {error.strerror or error}.",
                hint="Check the space and the permissions of the home folder.",
            ) from error
        return None, (Source(str(link), shown),)

    def _dataset(self, name: str, param: str) -> Path | None:
        """A prepared dataset's folder; None for the one that came with us, which has none."""
        if name in SEED:
            return None
        there = {}
        if self._datasets.is_dir():
            # Found by looking, so that no name can reach outside the folder.
            there = {
                path.name: path
                for path in self._datasets.iterdir()
                if not path.name.startswith(".")
            }
        folder = there.get(name)
        if folder is None or not (folder / "manifest.json").is_file():
            known = ", ".join(sorted({*there, "seed"})[:20])
            raise InvalidRequestError(
                f"{param}: there is no dataset {name[:100]!r}.",
                hint=f"There are: {known}. `mini-claude data prepare` makes one.",
                param=param,
                code="dataset_not_found",
            )
        return folder


def base_of(library: Library, model: str) -> InstalledModel:
    """The model to start from. Raises ModelNotFoundError, InvalidRequestError for a tuned one and
    for one whose weights are stored in 4 bits, CheckpointError for a broken config.json."""
    if model.startswith("ft:"):
        raise InvalidRequestError(
            f"model: {model[:200]!r} is fine-tuned already, and cannot be tuned further yet.",
            hint="Start from its base, with the rows of both.",
            param="model",
        )
    found = library.find(model)
    packing = read_packing(found.path)
    if packing is not None and packing.bits == 4:
        raise InvalidRequestError(
            f"model: {model[:200]!r} is stored in {packing.dtype}, which is for answering only.",
            hint="Tune the original model that it was made from; the method qlora holds that in few"
            " bits while it trains.",
            param="model",
        )
    return found


def spec_of(method: Mapping[str, Any]) -> tuple[dict[str, object], int | None, float | None]:
    """TuneSpec's fields, the examples a step, and the learning rate's multiplier, from a method as
    it was asked for. What is "auto" is absent."""
    kind = method["type"]
    asked = {
        name: value
        for name, value in (method.get(kind) or {}).get("hyperparameters", {}).items()
        if value not in (None, "auto")
    }
    spec: dict[str, object] = {"objective": kind}
    if "tuning" in asked:
        spec["method"] = asked["tuning"]
    if lora := {name: asked[name] for name in LORA_FIELDS if name in asked}:
        spec["lora"] = lora
    for name, value in asked.items():
        if name not in (*NOT_SPEC, *LORA_FIELDS):
            spec[OUR_NAMES.get(name, name)] = value
    return spec, asked.get("batch_size"), asked.get("learning_rate_multiplier")
