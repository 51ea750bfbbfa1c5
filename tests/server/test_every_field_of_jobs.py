"""No field of an upload or of a fine-tuning job is dropped in silence: the last table of
`docs/api.md`, the SDK's own lists of fields and the server, held against each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai.types.file_create_params import FileCreateParams
from openai.types.fine_tuning import job_create_params as jobs
from openai.types.fine_tuning.dpo_hyperparameters_param import DpoHyperparametersParam
from openai.types.fine_tuning.supervised_hyperparameters_param import SupervisedHyperparametersParam

from miniclaude.server.wire.fine_tuning import Hyperparameters
from tests.server.teaching import ROWS, Teaching, idle_teaching
from tests.server.test_every_field import NONSENSE, TEACHING, fields_of, names, rows

pytestmark = pytest.mark.anyio

COLUMNS = ("files", "jobs", "method")
TABLE = {
    (column, cells[0].strip("`")): cell
    for cells in rows(TEACHING)
    for column, cell in zip(COLUMNS, cells[1:], strict=True)
    if cell
}
SDK: dict[str, Any] = {
    "files": FileCreateParams,
    "jobs": jobs.JobCreateParams,
    "method": jobs.Method,
}
SAMPLES: dict[str, Any] = {
    "hyperparameters": {"n_epochs": 1},
    "metadata": {"a": "b"},
    "method": {"type": "supervised"},
    "seed": 1,
    "suffix": "tea",
    "validation_file": "dataset:seed",
}


@pytest.fixture
async def taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Teaching]:
    async with idle_teaching(tmp_path, monkeypatch) as started:
        yield started


def fields(column: str) -> list[str]:
    return sorted(field for name, field in TABLE if name == column)


@pytest.mark.parametrize("column", COLUMNS)
def test_the_table_has_every_field_that_the_sdk_can_send(column: str) -> None:
    """A field that a new version of the SDK brings shows up here."""
    assert fields_of(SDK[column]) <= set(fields(column))


@pytest.mark.parametrize("typed", [SupervisedHyperparametersParam, DpoHyperparametersParam])
def test_every_hyperparameter_of_the_sdk_is_read(typed: Any) -> None:
    """What is not is refused by name."""
    assert fields_of(typed) <= set(Hyperparameters.model_fields)


async def test_a_field_of_a_job_is_read_or_refused_as_the_table_says(taught: Teaching) -> None:
    for field in fields("jobs"):
        sent = {"training_file": "dataset:seed", field: NONSENSE}
        refused = await taught.create(**sent)
        assert names(refused, field), refused.text
        assert "not known here" not in refused.text
        if TABLE["jobs", field] == "yes":
            sample = {field: SAMPLES[field]} if field in SAMPLES else {}
            made = await taught.create(**{"training_file": "dataset:seed", **sample})
            assert made.status_code == 200, made.text
        else:
            assert "none are offered here" in refused.text
    refused = await taught.create(training_file="dataset:seed", no_such_field=1)
    assert names(refused, "no_such_field")


async def test_a_field_of_a_method_is_read_or_refused_as_the_table_says(taught: Teaching) -> None:
    """`reinforcement`, which the SDK can send, was in no table."""
    for field in fields("method"):
        kind = "supervised" if field == "type" else field
        method: dict[str, Any] = {"type": kind, kind: {"hyperparameters": {"n_epochs": 1}}}
        answer = await taught.create(training_file="dataset:seed", method=method)
        if TABLE["method", field] == "yes":
            assert answer.status_code == 200, answer.text
            wrong = {**method, field: NONSENSE}
            answer = await taught.create(training_file="dataset:seed", method=wrong)
            assert names(answer, field), answer.text
        else:
            assert answer.status_code == 400
            assert f"{field!r} is not offered here" in answer.json()["error"]["message"]
            beside = {"type": "supervised", field: {}}
            answer = await taught.create(training_file="dataset:seed", method=beside)
            assert names(answer, field), answer.text


async def test_a_field_of_an_upload_is_read_or_refused_as_the_table_says(taught: Teaching) -> None:
    """It is a form: the SDK sends what is inside of `expires_after` as parts of their own."""
    assert (await taught.upload()).status_code == 200
    for field in fields("files"):
        if TABLE["files", field] == "no":
            for part in (field, f"{field}[anchor]"):
                form: dict[str, Any] = {part: "created_at"}
                refused = await taught.upload(**form)
                assert names(refused, field), refused.text
        else:
            parts: dict[str, Any] = {"purpose": (None, b"fine-tune"), "file": ("rows.jsonl", ROWS)}
            del parts[field]
            missing = await taught.client.post("/v1/files", files=parts)
            assert names(missing, field), missing.text
    assert names(await taught.upload(purpose="nonsense"), "purpose")
    assert names(await taught.upload(b""), "file")
    assert names(await taught.upload(no_such_field="a"), "no_such_field")
