"""Where a tuned model comes from: its base, the rows it learnt, the job, its scores before and
after. Read from its card, which is there for runs of the command line too, and from the job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from miniclaude.errors import MiniClaudeError, NotFoundError
from miniclaude.jobs.fine_tuning import FineTuning
from miniclaude.jobs.plan import DATASET
from miniclaude.model.library import InstalledModel
from miniclaude.store.jobs import Job

Json = dict[str, Any]
CARD = "README.md"
MAX_CARD = 1 << 20
SCORE = re.compile(
    r"^\| (perplexity|bits per byte) (before|after) \| ([0-9.e+-]{1,24}) \|$", re.MULTILINE
)
ROWS = re.compile(r"^\| Rows \| ([0-9,]{1,20}) to learn from, ([0-9,]{1,20}) held out \|$", re.M)


def lineage_json(model: InstalledModel, job: Job | None, data: str | None) -> Json | None:
    """The lineage of a tuned model; None for others. data: what its rows are called."""
    if model.tuned is None:
        return None
    card = _card(model)
    rows = ROWS.search(card)
    scores: dict[str, dict[str, float]] = {}
    for name, when, value in SCORE.findall(card):
        try:
            scores.setdefault(name.replace(" ", "_"), {})[when] = float(value)
        except ValueError:
            continue
    return {
        "base": model.tuned.base,
        "base_installed": model.base is not None,
        "method": model.tuned.method,
        "data": {
            "name": data,
            "rows": _count(rows, 1),
            "held_out": _count(rows, 2),
        },
        "job": None if job is None else {"id": job.id, "created_at": int(job.created_at)},
        "scores": {name: both for name, both in scores.items() if len(both) == 2},
    }


async def jobs_of(
    tuning: FineTuning | None, owner: str, models: list[InstalledModel]
) -> tuple[Mapping[str, Job], Mapping[str, str]]:
    """The jobs that made these models, and what their rows are called, by the model's name."""
    tuned = [model.name for model in models if model.tuned is not None]
    if tuning is None or not tuned:
        return {}, {}
    jobs = await tuning.jobs.made(owner, tuned)
    data: dict[str, str] = {}
    for name, job in jobs.items():
        if job.training_file.startswith(DATASET):
            data[name] = job.training_file.removeprefix(DATASET)
            continue
        try:
            data[name] = (await tuning.files.get(owner, job.training_file)).name
        except NotFoundError:
            continue
        except MiniClaudeError:
            break
    return jobs, data


def _card(model: InstalledModel) -> str:
    try:
        with (model.path / CARD).open("rb") as file:
            return file.read(MAX_CARD).decode(errors="replace")
    except OSError:
        return ""


def _count(match: re.Match[str] | None, group: int) -> int | None:
    return None if match is None else int(match[group].replace(",", "") or 0)
