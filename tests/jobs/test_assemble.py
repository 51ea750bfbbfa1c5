"""A whole fine-tuning on a model of a few kilobytes: real rows, real trial, real training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import DatasetError, SettingsError
from miniclaude.jobs.assemble import plan_job, run_job
from miniclaude.jobs.order import JobOrder, Source, Wish
from miniclaude.jobs.rows import rows_of
from miniclaude.jobs.settle import FILE as SETTINGS
from miniclaude.model.adapter import load_adapter
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import Library
from miniclaude.model.tuned import new_id
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training.spec import TuneSpec
from tests.tiny_checkpoint import write_tiny_checkpoint

Event = dict[str, Any]
SPEC = {"steps": 3, "batch_tokens": 256, "max_length": 96, "learning_rate": 0.01}


def write_rows(path: Path, rows: int = 30) -> Path:
    """Questions that no cleaning objects to, none like another."""
    animals = ("cat", "dog", "cow", "hen", "owl", "fox", "bee", "ant", "eel", "yak")
    places = ("barn", "tree", "lake")
    written = [
        {
            "messages": [
                {"role": "user", "content": f"Where does animal number {n} live, the {animal}?"},
                {"role": "assistant", "content": f"The {animal} lives in {n} {place}s nearby."},
            ]
        }
        for n, (animal, place) in enumerate((a, p) for a in animals for p in places)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in written[:rows]), encoding="utf-8")
    return path


@pytest.fixture
def order(tmp_path: Path) -> JobOrder:
    """A short run on a tiny Llama."""
    base = tmp_path / "models" / "tiny"
    write_tiny_checkpoint(base)
    return JobOrder(
        id="ftjob-1",
        model_id=new_id(),
        base="tiny",
        base_folder=base,
        adapters=tmp_path / "adapters",
        training=(Source(str(write_rows(tmp_path / "rows.jsonl")), "rows.jsonl"),),
        spec=SPEC,
        org="us",
        suffix="animals",
    )


def after(questions: int, wish: Wish) -> Callable[[], Wish]:
    """Wishes to go on so many times."""
    asked = 0

    def control() -> Wish:
        nonlocal asked
        asked += 1
        return "go" if asked <= questions else wish

    return control


def job_folder(folder: Path, **spec: Any) -> Path:
    """A job's folder whose settings are settled already, so that no trial is run."""
    folder.mkdir()
    chosen = TuneSpec.from_dict({**SPEC, **spec}).as_dict()
    facts = {"steps": 3, "seconds": 1.0, "trained_tokens": 100, "memory_bytes": 1}
    (folder / SETTINGS).write_text(json.dumps({"spec": chosen, **facts}))
    return folder


def go() -> Wish:
    """To the end."""
    return "go"


def test_an_order_becomes_a_model_that_is_listed(order: JobOrder, tmp_path: Path) -> None:
    """Everything a job promises, at once: reasons, the plan, metrics, a checkpoint, both
    perplexities, a report, a card, and a model the library finds by its name."""
    events: list[Event] = []
    folder = tmp_path / "job"
    folder.mkdir()
    result = run_job(order, folder, events.append, go)
    assert (result.ended, result.fine_tuned_model) == ("finished", order.fine_tuned_model)
    kinds = [event["event"] for event in events]
    assert {"message", "plan", "metrics", "checkpoint"} == set(kinds)
    plan = next(event for event in events if event["event"] == "plan")
    assert plan["total_steps"] == 3
    steps = [event["step"] for event in events if "train_loss" in event]
    assert steps == [1, 2, 3]
    assert {"perplexity_before", "perplexity_after"} <= set(result.metrics)
    assert result.trained_tokens == plan["trained_tokens"]
    assert [file.name for file in result.files] == ["evaluation.json", "evaluation.html"]
    found = Library(tmp_path / "models", None, order.adapters).find(order.fine_tuned_model)
    assert found.adapter is not None
    load_adapter(load_model(order.base_folder), found.adapter)
    card = (found.adapter / "README.md").read_text(encoding="utf-8")
    assert "base_model: tiny" in card
    assert "perplexity" in card

    # A worker killed after its model appeared, but before anybody was told, is started again, and
    # then tells all of it: tokens and reports too.
    assert run_job(order, folder, lambda event: None, after(0, "cancel")) == result


def test_paused_and_taken_up_again_it_is_the_same_model(order: JobOrder, tmp_path: Path) -> None:
    """A pause would be worthless if the run began anew, or went another way."""
    weights = []
    for name, controls in (("whole", [go]), ("paused", [after(0, "pause"), after(3, "pause"), go])):
        folder = job_folder(tmp_path / name, checkpoint_every=1)
        own = replace(order, adapters=tmp_path / f"{name}-adapters")
        endings = [run_job(own, folder, lambda event: None, control) for control in controls]
        assert [ending.ended for ending in endings] == ["paused"] * (len(controls) - 1) + [
            "finished"
        ]
        file = own.adapters / own.model_id / "adapter_model.safetensors"
        weights.append(file.read_bytes())
    assert weights[0] == weights[1]


def test_cancelled_leaves_no_model(order: JobOrder, tmp_path: Path) -> None:
    """Half a model must never be listed."""
    folder = job_folder(tmp_path / "job")
    assert run_job(order, folder, lambda event: None, after(3, "cancel")).ended == "cancelled"
    assert Library(tmp_path / "models", None, order.adapters).list()[-1].name == "tiny"


def test_a_fully_tuned_model_stands_alone(order: JobOrder, tmp_path: Path) -> None:
    """Without the base's tokenizer and the id of its last token, it would load and never stop."""
    folder = job_folder(tmp_path / "job", method="full")
    result = run_job(order, folder, lambda event: None, go)
    assert result.folder is not None
    base, tuned = (
        json.loads((path / "config.json").read_text())
        for path in (order.base_folder, result.folder)
    )
    assert tuned["eos_token_id"] == base["eos_token_id"]
    assert tuned["torch_dtype"] == "float32"
    assert (result.folder / "tokenizer.json").is_file()
    load_model(result.folder)


def test_a_fully_tuned_model_keeps_the_template_it_was_taught_with(
    order: JobOrder, tmp_path: Path
) -> None:
    """Of a base with a template for tools and a default in its own file, only the list in
    tokenizer_config.json went along: served by another default than it had learnt."""
    folder, config = order.base_folder, order.base_folder / "tokenizer_config.json"
    values = json.loads(config.read_text())
    (folder / "chat_template.jinja").write_text(values["chat_template"])
    values["chat_template"] = [
        {"name": name, "template": "{{ messages[-1]['content'] }}"}
        for name in ("default", "tool_use")
    ]
    config.write_text(json.dumps(values))
    result = run_job(order, job_folder(tmp_path / "job", method="full"), lambda event: None, go)
    assert result.folder is not None
    base, tuned = (load_tokenizer(place).template for place in (folder, result.folder))
    assert base is not None
    assert tuned is not None
    assert len(base.sources) == 2
    assert tuned.sources == base.sources


def test_an_unknown_setting_is_named(order: JobOrder, tmp_path: Path) -> None:
    """`learning_rat` quietly ignored would cost somebody a night."""
    folder = tmp_path / "job"
    folder.mkdir()
    own = replace(order, spec={"learning_rat": 1})
    with pytest.raises(SettingsError, match="learning_rat is not a setting of fine-tuning"):
        plan_job(own, folder, lambda event: None)


def test_settings_asked_for_win_and_the_others_give_reasons(
    order: JobOrder, tmp_path: Path
) -> None:
    """A reason for a value that is not used would mislead; rank without alpha keeps the scale."""
    events: list[Event] = []
    folder = tmp_path / "job"
    folder.mkdir()
    own = replace(
        order,
        spec={**order.spec, "lora": {"r": 4}, "precision": "float32"},
        learning_rate_multiplier=2,
    )
    settled = plan_job(own, folder, events.append)
    said = [event["message"] for event in events if event["event"] == "message"]
    assert (settled.spec.lora.r, settled.spec.lora.alpha) == (4, 8)
    assert settled.spec.learning_rate == 0.01  # a rate asked for is not multiplied
    assert not any(line.startswith("r 64") for line in said)
    assert "r 4: as asked for." in said
    assert any(line.startswith("Objective supervised") for line in said)
    assert plan_job(own, folder, events.append) == settled
    assert not (folder / "trial").exists()  # what the trial saved


def test_validation_rows_of_their_own_are_all_held_out(order: JobOrder, tmp_path: Path) -> None:
    """Rows somebody brings for measuring must never be learnt from."""
    held_out = write_rows(tmp_path / "held_out.jsonl", 5)
    own = replace(order, validation=(Source(str(held_out), "held_out.jsonl"),))
    folder = tmp_path / "job"
    folder.mkdir()
    dataset = rows_of(own, folder, lambda event: None)
    assert (dataset.count("train"), dataset.count("validation")) == (30, 5)
    assert len(list(dataset.examples("validation"))) == 5
    assert dataset.fingerprint != rows_of(order, tmp_path / "other", lambda event: None).fingerprint


def test_validation_rows_of_another_kind_are_refused(order: JobOrder, tmp_path: Path) -> None:
    """Measured on preferences, a run that imitates answers would measure nothing."""
    pairs = tmp_path / "pairs.jsonl"
    row = {"prompt": "Where is the cat?", "chosen": "In the barn.", "rejected": "I won't say it."}
    pairs.write_text(json.dumps(row) + "\n", encoding="utf-8")
    own = replace(order, validation=(Source(str(pairs), "pairs.jsonl"),))
    folder = tmp_path / "job"
    folder.mkdir()
    with pytest.raises(DatasetError, match="validation rows are of the kind 'preference'"):
        rows_of(own, folder, lambda event: None)
