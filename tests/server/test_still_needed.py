"""What is still needed is not taken away, by whichever address it is asked for."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from miniclaude.jobs.errands import Errands
from tests.server.teaching import teaching
from tests.server.test_library import Shelf, shelf
from tests.server.test_library import home as home
from tests.server.test_library import tiny as tiny
from tests.tiny_adapter import write_tiny_adapter

pytestmark = pytest.mark.anyio

AT_WORK = ("-c", "import sys; sys.stdin.read()")
"""A worker that goes on until it is ended."""


def why(refused: httpx2.Response) -> str:
    """What a conflict says."""
    assert refused.status_code == 409, refused.text
    return str(refused.json()["error"]["message"])


async def test_what_a_job_teaches_stays_until_the_job_is_finished(tmp_path: Path) -> None:
    """A job that was queued or paused found its base gone when its turn came, and failed."""
    async with teaching(tmp_path) as taught:

        async def remove() -> httpx2.Response:
            return await taught.client.post("/library/remove", json={"model": "tiny"})

        job = (await taught.create(suffix="waits")).json()["id"]
        await taught.until(job, "running")
        assert f"is used by the job {job}, which is not finished" in why(await remove())
        await taught.act(job, "pause")
        await taught.until(job, "paused")
        assert job in why(await remove())
        assert (tmp_path / "models" / "tiny").is_dir()
        await taught.act(job, "cancel")
        assert (await remove()).status_code == 200


async def begin(served: Shelf, kind: str, model: str, to: str) -> str:
    """The id of a task that does not end by itself."""
    assert served.services.workbench is not None
    served.services.workbench.errands = Errands(served.home / "exports", AT_WORK)
    begun = await served.post("/library/tasks", kind=kind, model=model, to=to)
    assert begun.status_code == 200, begun.text
    return str(begun.json()["id"])


async def test_what_a_task_works_on_stays_until_its_end(home: Path, tiny: Path) -> None:
    """The folder went from under the worker that was reading it."""
    taught = write_tiny_adapter(tiny, home / "adapters")
    async with shelf(home) as served:
        task = await begin(served, "quantize", "spare", "int8")
        refused = await served.post("/library/remove", model="spare")
        assert f"is used by the task {task} (quantize), which is still going on" in why(refused)
        await served.client.post(f"/library/tasks/{task}/cancel")
        assert (await served.post("/library/remove", model="spare")).status_code == 200
        task = await begin(served, "export", taught, "folder")
        assert task in why(await served.client.delete(f"/v1/models/{taught}"))
        await served.client.post(f"/library/tasks/{task}/cancel")
        assert (await served.client.delete(f"/v1/models/{taught}")).status_code == 200


async def test_the_default_is_not_deleted_by_the_other_address_either(
    home: Path, tiny: Path
) -> None:
    """Then nobody answered who named no model."""
    taught = write_tiny_adapter(tiny, home / "adapters")
    async with shelf(home) as served:
        served.services.registry.default_model = taught
        assert "is the default model" in why(await served.client.delete(f"/v1/models/{taught}"))
        assert await served.model(taught) is not None
        served.services.registry.default_model = "tiny"
        assert (await served.client.delete(f"/v1/models/{taught}")).status_code == 200


async def test_who_answers_for_the_default_is_not_forgotten(tmp_path: Path) -> None:
    """The default named a service that was not there any more."""
    async with shelf(tmp_path) as served:
        body = {"kind": "openai", "base_url": "https://api.example.com/v1", "api_key": "sk-1"}
        for name in ("mine", "mine-too"):
            await served.client.put(f"/providers/{name}", json=body)
        served.services.registry.default_model = "mine/org/big"
        refused = why(await served.client.delete("/providers/mine"))
        assert "'mine' answers for the default model 'mine/org/big'" in refused
        assert "mine" in served.services.registry.providers
        assert (await served.client.delete("/providers/mine-too")).status_code == 200
        served.services.registry.default_model = "echo"
        assert (await served.client.delete("/providers/mine")).status_code == 200
