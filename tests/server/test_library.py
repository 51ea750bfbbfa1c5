"""The models page's routes: over a real home folder, with a hub on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from miniclaude.model.gguf_export import TYPES
from miniclaude.model.library import Library
from miniclaude.model.staging import QUANTIZING, hold
from miniclaude.server.app import create_app
from miniclaude.server.services import Services, open_services
from miniclaude.server.workbench import GGUF_TYPES
from miniclaude.settings import ServerSettings, load_settings
from miniclaude.store.choices import read_choices
from tests.model.hub_stand_in import folder_files, running_hub
from tests.server.conftest import URL
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint

pytestmark = pytest.mark.anyio

CARD = """# mine

| | |
|---|---|
| Rows | 1,200 to learn from, 60 held out |
| perplexity before | 12.5 |
| perplexity after | 4.25 |
| bits per byte before | nan.nan |
"""


@dataclass
class Shelf:
    """A running server and its home."""

    client: httpx2.AsyncClient
    services: Services
    home: Path

    async def library(self) -> Any:
        """GET /v1/library."""
        return (await self.client.get("/v1/library")).json()

    async def model(self, name: str) -> Any:
        """One model of it; None where it is not listed."""
        return next((m for m in (await self.library())["models"] if m["id"] == name), None)

    async def post(self, path: str, **body: Any) -> httpx2.Response:
        """POST a body."""
        return await self.client.post(path, json=body)

    async def finish(self, started: httpx2.Response) -> Any:
        """Watch a task to its end; returns its last state."""
        assert started.status_code == 200, started.text
        path = f"/v1/library/tasks/{started.json()['id']}/events"
        events = (await self.client.get(path)).text.split("\n\n")
        return json.loads([event for event in events if event][-1].removeprefix("data: "))


@asynccontextmanager
async def shelf(home: Path, **settings: Any) -> AsyncIterator[Shelf]:
    """Serve this home folder in-process."""
    configured: ServerSettings = load_settings(home, model="echo", **settings)
    app = create_app(configured, open_services(configured))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
            yield Shelf(client, app.state.services, home)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("shelf") / "tiny")


@pytest.fixture
def home(tmp_path: Path, tiny: Path) -> Path:
    """With the models `tiny` and `spare`."""
    for name in ("tiny", "spare"):
        shutil.copytree(tiny, tmp_path / "home" / "models" / name)
    return tmp_path / "home"


async def test_a_model_is_told_with_what_it_costs(home: Path) -> None:
    async with shelf(home) as served:
        model = await served.model("tiny")
    weights = sum(path.stat().st_size for path in (home / "models" / "tiny").iterdir())
    assert (model["bytes"], model["dtype"], model["context"]) == (weights, "float32", 256)
    assert model["parameters"] * 4 < model["memory"]["float32"]
    assert model["memory"]["int4"] < model["memory"]["int8"] < model["memory"]["bfloat16"]
    assert (model["default"], model["loaded"], model["bundled"]) == (False, False, False)
    assert model["lineage"] is None


async def test_a_tuned_model_tells_where_it_comes_from(home: Path, tiny: Path) -> None:
    name = write_tiny_adapter(tiny, home / "adapters")
    folder = home / "adapters" / name.rpartition(":")[2]
    (folder / "README.md").write_text(CARD)
    async with shelf(home) as served:
        model, base = await served.model(name), await served.model("tiny")
    assert model["kind"] == "adapter"
    assert model["lineage"] == {
        "base": "tiny",
        "base_installed": True,
        "method": "lora",
        "data": {"name": None, "rows": 1200, "held_out": 60},
        "job": None,
        "scores": {"perplexity": {"before": 12.5, "after": 4.25}},
    }
    assert base["needed_by"] == [name]


async def test_a_removed_model_can_come_back_for_a_while(home: Path) -> None:
    async with shelf(home) as served:
        removed = (await served.post("/library/remove", model="spare")).json()
        assert await served.model("spare") is None
        back = await served.client.post(f"/library/removed/{removed['id']}/restore")
        assert back.json() == {"model": "spare", "restored": True}
        assert await served.model("spare") is not None
        again = await served.client.post(f"/library/removed/{removed['id']}/restore")
        assert again.status_code == 404
        await served.post("/library/remove", model="spare")
    assert not (home / "models" / ".trash").exists()
    assert not (home / "models" / "spare").exists()


async def test_what_others_stand_on_is_not_removed(home: Path, tiny: Path) -> None:
    """An adapter without its base answers nobody."""
    name = write_tiny_adapter(tiny, home / "adapters")
    async with shelf(home) as served:
        refused = await served.post("/library/remove", model="tiny")
        assert refused.status_code == 409
        assert name in refused.json()["error"]["message"]
        await served.client.put("/library/default", json={"model": "spare"})
        default = await served.post("/library/remove", model="spare")
        assert default.status_code == 409
        assert "is the default model" in default.json()["error"]["message"]


async def test_the_default_is_kept_unless_a_setting_says_otherwise(home: Path) -> None:
    async with shelf(home) as served:
        fixed = await served.client.put("/library/default", json={"model": "spare"})
        assert fixed.json() == {"model": "spare", "kept": False}
        assert (await served.model("spare"))["default"]
        missing = await served.client.put("/library/default", json={"model": "gone"})
        assert missing.status_code == 404
    app = create_app(configured := load_settings(home), open_services(configured))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=URL) as client,
    ):
        kept = await client.put("/library/default", json={"model": "spare"})
        assert kept.json() == {"model": "spare", "kept": True}
    assert read_choices(home).model == "spare"
    async with open_services(load_settings(home)) as services:
        assert services.default_model == "spare"


async def test_a_pull_says_its_needs_first_and_its_progress(home: Path, tiny: Path) -> None:
    with running_hub("org/new", folder_files(tiny)) as hub:
        async with shelf(home, hf_endpoint=hub.url) as served:
            needs = (await served.post("/library/needs", model="org/new")).json()
            assert needs["bytes"] == sum(len(content) for content in hub.files.values())
            assert (needs["bytes_here"], needs["installed"]) == (0, False)
            assert needs["memory"]["int4"] < needs["memory"]["bfloat16"]
            assert not (home / "models" / ".pulling").exists()
            done = await served.finish(
                await served.post("/library/tasks", kind="pull", model="org/new")
            )
            assert (done["status"], done["result"]) == ("succeeded", "org/new")
            assert done["done"] == done["total"] > 0
            assert (await served.model("org/new"))["source"] == "org/new"
            assert (await served.post("/library/needs", model="org/new")).json()["installed"]


async def test_a_pull_that_fails_says_why(home: Path, tiny: Path) -> None:
    with running_hub("org/new", folder_files(tiny)) as hub:
        async with shelf(home, hf_endpoint=hub.url) as served:
            unknown = await served.post("/library/needs", model="org/other")
            assert unknown.status_code == 424
            assert unknown.json()["error"]["type"] == "failed_dependency_error"
            assert "no such model" in unknown.json()["error"]["message"]
            done = await served.finish(
                await served.post("/library/tasks", kind="pull", model="org/other")
            )
            assert done["status"] == "failed"
            assert "no such model" in done["error"]["message"]


async def test_one_at_a_time_and_a_cancelled_one_ends(home: Path, tiny: Path) -> None:
    with running_hub("org/new", folder_files(tiny)) as hub:
        hub.failing["model.safetensors"] = [503] * 4  # the worker waits between its tries
        async with shelf(home, hf_endpoint=hub.url) as served:
            first = await served.post("/library/tasks", kind="pull", model="org/new")
            second = await served.post("/library/tasks", kind="quantize", model="tiny", to="int8")
            assert second.status_code == 409
            assert "pull of 'org/new' is still going on" in second.json()["error"]["message"]
            path = f"/library/tasks/{first.json()['id']}"
            cancelled = (await served.client.post(f"{path}/cancel")).json()
            assert cancelled["status"] == "cancelled"
            assert (await served.client.post(f"{path}/cancel")).json() == cancelled
            assert (await served.client.get("/library/tasks")).json()["data"] == [cancelled]


async def test_the_next_begins_as_soon_as_one_has_ended(home: Path, tiny: Path) -> None:
    """One that was said to have ended still refused the next until its process was gone."""
    with running_hub("org/new", folder_files(tiny)) as hub:
        async with shelf(home, hf_endpoint=hub.url) as served:
            for kind, model, to, status in (
                ("quantize", "tiny", "int8", "succeeded"),
                ("pull", "org/other", None, "failed"),
                ("export", "tiny", "f16", "succeeded"),
            ):
                begun = await served.post("/library/tasks", kind=kind, model=model, to=to)
                assert (await served.finish(begun))["status"] == status


async def test_quantise_makes_a_model_of_its_own(home: Path) -> None:
    async with shelf(home) as served:
        done = await served.finish(
            await served.post("/library/tasks", kind="quantize", model="tiny", to="int8")
        )
        assert (done["status"], done["result"]) == ("succeeded", "tiny-int8"), done
        model = await served.model("tiny-int8")
        assert (model["dtype"], model["packed"], list(model["memory"])) == ("int8", True, ["int8"])
        assert model["parameters"] >= (await served.model("tiny"))["parameters"]  # whole tiles
        taken = await served.post("/library/tasks", kind="quantize", model="tiny", to="int8")
        assert taken.status_code == 409


async def test_a_task_that_fails_leaves_the_work_of_others_alone(home: Path) -> None:
    """Whatever a quantisation on the page failed of, the folders of all others were deleted with
    what it left, and a command in a terminal lost its work."""
    other = home / "models" / QUANTIZING / "tiny-int8"
    async with shelf(home) as served:
        with hold(home / "models", "tiny-int8"):
            other.mkdir(parents=True)
            done = await served.finish(
                await served.post("/library/tasks", kind="quantize", model="tiny", to="int8")
            )
            assert done["status"] == "failed"
            assert "'tiny-int8' is being made already" in done["error"]["message"]
            assert other.is_dir()


async def test_export_gives_a_file_to_save(home: Path) -> None:
    async with shelf(home) as served:
        done = await served.finish(
            await served.post("/library/tasks", kind="export", model="tiny", to="f16")
        )
        assert done["status"] == "succeeded", done
        [export] = (await served.library())["exports"]
        assert export["name"] == done["result"]
        saved = await served.client.get(f"/library/exports/{export['name']}")
        assert saved.content[:4] == b"GGUF"
        assert saved.headers["content-disposition"].startswith("attachment")
        assert (await served.client.delete(f"/library/exports/{export['name']}")).status_code == 200
        assert (await served.library())["exports"] == []
        assert (await served.client.get("/library/exports/..%2fmini-claude.db")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"kind": "pull", "model": "../etc"}, 400, "is not a model name"),
        ({"kind": "pull", "model": "org/new", "revision": "../x"}, 400, "revision"),
        ({"kind": "pull", "model": "mini-claude-11m"}, 409, "came with Mini-Claude"),
        ({"kind": "quantize", "model": "gone", "to": "int8"}, 404, "is not installed"),
        ({"kind": "quantize", "model": "tiny", "to": "int2"}, 400, "Use one of int8, int4"),
        ({"kind": "quantize", "model": "tiny"}, 400, "Use one of int8, int4"),
        ({"kind": "quantize", "model": "tiny", "to": "int8", "name": "../x"}, 400, "model name"),
        ({"kind": "export", "model": "tiny", "to": "zip"}, 400, "Use one of q8_0"),
        ({"kind": "burn", "model": "tiny"}, 400, "kind"),
        ({"kind": "pull", "model": "org/new", "endpoint": "http://evil"}, 400, "endpoint"),
    ],
)
async def test_what_could_never_be_done_is_refused(
    home: Path, body: dict[str, Any], status: int, said: str
) -> None:
    async with shelf(home) as served:
        refused = await served.post("/library/tasks", **body)
    assert refused.status_code == status, refused.text
    assert said in refused.json()["error"]["message"]


UGLY: list[Any] = [
    None,
    [],
    7,
    {},
    {"model": None},
    {"model": ["tiny"]},
    {"model": "\x7f" * 500},
    {"model": "ft:tiny:us::" + "a" * 12},
    {"model": "../../tiny", "kind": "export", "to": "folder"},
    {"model": "tiny", "kind": "export", "to": None, "name": {}},
    {"kind": "openai", "base_url": 7, "api_key": []},
]


@pytest.mark.parametrize("body", UGLY)
async def test_no_body_whatever_makes_a_5xx(home: Path, body: Any) -> None:
    async with shelf(home, hf_endpoint="http://127.0.0.1:9") as served:
        for method, path in (
            ("PUT", "/library/default"),
            ("POST", "/library/remove"),
            ("POST", "/library/tasks"),
            ("PUT", "/providers/mine"),
            ("POST", "/providers/%00%ff/test"),
            ("DELETE", "/library/exports/%00"),
            ("POST", "/library/removed/%2e%2e/restore"),
        ):
            response = await served.client.request(method, path, json=body)
            assert 400 <= response.status_code < 500, (path, response.text)


async def test_only_the_owner_looks_after_models(home: Path) -> None:
    async with shelf(home, api_key="long-enough-key") as served:
        for path in ("/library", "/library/tasks", "/providers"):
            assert (await served.client.get(path)).status_code == 401
            key = {"authorization": "Bearer long-enough-key"}
            assert (await served.client.get(path, headers=key)).status_code == 200


async def test_a_key_that_may_ask_models_may_not_look_after_them(home: Path) -> None:
    keys = {"guest": {"key": "guest-key-123"}}
    settings = ServerSettings.model_validate({**load_settings(home).model_dump(), "keys": keys})
    app = create_app(settings, open_services(settings))
    transport = httpx2.ASGITransport(app)
    guest = {"authorization": "Bearer guest-key-123"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=URL, headers=guest) as client,
    ):
        for path in ("/library", "/providers", "/v1/library"):
            assert (await client.get(path)).status_code == 403
            assert (await client.head(path)).status_code == 403
        assert (await client.head("/v1/models")).status_code == 200  # as GET is


def test_the_gguf_types_are_those_that_can_be_written() -> None:
    assert set(GGUF_TYPES) == set(TYPES)


def test_a_broken_folder_is_listed_without_what_it_does_not_say(tmp_path: Path) -> None:
    from miniclaude.model.outline import read_outline

    folder = tmp_path / "models" / "broken"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\xff" * 20)
    [model] = Library(tmp_path / "models").list()
    assert read_outline(model.path, model.stamp) is None
