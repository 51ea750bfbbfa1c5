"""A tuned model through the live server and the unmodified SDK."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import NotFoundError, OpenAI, UnprocessableEntityError

from miniclaude.model.library import Library
from miniclaude.providers.local import Local
from tests.contracts.conftest import Live, running
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    write_tiny_checkpoint(folder / "models" / "tiny")
    return folder


@pytest.fixture(scope="module")
def live(home: Path) -> Iterator[Live]:
    library = Library(home / "models", None, home / "adapters")
    with running(home, {"local": Local(library, device="cpu", threads=1)}, "tiny") as live:
        yield live


@pytest.fixture
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0, timeout=240) as sdk:
        yield sdk


def ask(client: OpenAI, model: str) -> str:
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hello"}], max_tokens=6, temperature=0
    )
    assert answer.model == model
    return answer.choices[0].message.content or ""


def test_it_is_there_as_soon_as_it_is_made(client: OpenAI, home: Path) -> None:
    plain = ask(client, "tiny")
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters")
    listed = client.models.retrieve(name).model_dump()
    assert listed["owned_by"] == "us"
    assert (listed["root"], listed["parent"], listed["default"]) == ("tiny", "tiny", False)
    assert listed["created"] > 0
    assert ask(client, name) != plain


def test_a_kept_answer_goes_with_the_model_it_came_from(client: OpenAI, home: Path) -> None:
    """An adapter that is trained anew under its name must not answer as before."""
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters")
    asked = {"model": name, "messages": [{"role": "user", "content": "kept"}], "temperature": 0}

    def states() -> list[str]:
        create = client.chat.completions.with_raw_response.create
        answers = [create(**asked, max_tokens=6) for _ in range(2)]  # type: ignore[call-overload]
        return [answer.headers["x-mini-claude-cache"] for answer in answers]

    assert states() == ["miss", "hit"]
    with (home / "adapters" / name.rpartition(":")[2] / "README.md").open("a") as readme:
        readme.write("Trained again.")
    assert states() == ["miss", "hit"]


def test_a_bad_adapter_never_takes_the_server_down(client: OpenAI, home: Path) -> None:
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters")
    weights = home / "adapters" / name.rpartition(":")[2] / "adapter_model.safetensors"
    weights.write_bytes(b"\xff" * 100)
    with pytest.raises(UnprocessableEntityError, match=r"adapter_model\.safetensors") as caught:
        ask(client, name)
    assert caught.value.code == "bad_checkpoint"
    assert ask(client, "tiny") == ask(client, "tiny")


def test_without_its_base_both_are_named(client: OpenAI, home: Path) -> None:
    write_tiny_checkpoint(home / "models" / "other")
    name = write_tiny_adapter(home / "models" / "other", home / "adapters", base_name="other")
    shutil.rmtree(home / "models" / "other")
    with pytest.raises(NotFoundError, match=rf"'{name}' is an adapter on 'other'"):
        ask(client, name)
