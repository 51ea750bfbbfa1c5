"""Publishing: the card, the known files and nothing else, all at once or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from miniclaude.errors import CheckpointError, ConflictError, InvalidRequestError, UploadError
from miniclaude.model.checkpoint import list_tensors, load_model
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.push import copy_to, prepare, push
from tests.model.push_stand_in import running_push_hub
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture
def whole(tmp_path: Path) -> InstalledModel:
    """A whole model, with things in its folder that are nobody's business."""
    folder = write_tiny_checkpoint(tmp_path / "models" / "tiny")
    (folder / ".env").write_text("HF_TOKEN=secret")
    (folder / "notes.txt").write_text("secret")
    (folder / "manifest.json").write_text('{"source": {"endpoint": "http://intern"}}')
    return Library(tmp_path / "models").find("tiny")


@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")  # the hub's client
def test_a_model_goes_up_whole_with_its_card(
    whole: InstalledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large files by git LFS: the hub's newer storage has no stand-in."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with running_push_hub() as hub:
        publication = prepare(whole, "apache-2.0")
        address = push(publication, "ada/tiny", endpoint=hub.url, token="hf_x", private=True)
        assert address == f"{hub.url}/ada/tiny"
        assert hub.private == {"ada/tiny": True}
        assert hub.messages == ["Publish tiny"]
        assert set(hub.files) == {
            "README.md",
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        }
        weights = (whole.path / "model.safetensors").read_bytes()
        assert hub.files["model.safetensors"] == weights
        assert b"license: apache-2.0" in hub.files["README.md"]
        large = {path: token for path, token in hub.tokens.items() if path.startswith("/large/")}
        assert set(large.values()) == {None}  # the storage of large files is another host's
        api = {token for path, token in hub.tokens.items() if path not in large}
        assert api == {"Bearer hf_x"}


def test_an_adapter_names_its_base_and_no_path_of_this_machine(tmp_path: Path) -> None:
    base = write_tiny_checkpoint(tmp_path / "models" / "tiny")
    name = write_tiny_adapter(base, tmp_path / "adapters")
    model = Library(tmp_path / "models", adapters=tmp_path / "adapters").find(name)
    config = model.path / "adapter_config.json"
    fields = json.loads(config.read_text())
    config.write_text(json.dumps({**fields, "base_model_name_or_path": "/home/ada/tiny"}))
    publication = prepare(model, "mit")
    sent = publication.files["adapter_config.json"]
    assert isinstance(sent, bytes)
    assert json.loads(sent)["base_model_name_or_path"] == "tiny"
    assert b"/home/ada" not in sent
    assert "adapter_model.safetensors" in publication.files
    assert "mini-claude.json" not in publication.files
    assert publication.bytes > 1000


def test_a_card_tells_of_experts(tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "models" / "mix", experts=4)
    sent = prepare(Library(tmp_path / "models").find("mix"), "mit").files["README.md"]
    assert isinstance(sent, bytes)
    assert b"- moe" in sent
    assert b"Of 4 experts a layer, 2 compute a token: 24,576 parameters are left out" in sent


def test_somebody_has_to_say_the_licence(whole: InstalledModel) -> None:
    with pytest.raises(InvalidRequestError, match="names none") as raised:
        prepare(whole, None)
    assert "--licence" in raised.value.hint
    (whole.path / "README.md").write_text("---\nlicense: mit\ntags:\n- a\n---\n# Mine\n")
    publication = prepare(whole, None)
    assert publication.licence == "mit"
    assert publication.files["README.md"] == b"---\ntags:\n- a\nlicense: mit\n---\n# Mine\n"
    assert b"license: cc0-1.0" in prepare(whole, "cc0-1.0").files["README.md"]  # type: ignore[operator]
    for bad in ("MIT License", "mit\ntags: x", "", "x" * 65):
        with pytest.raises(InvalidRequestError, match=r"licence"):
            prepare(whole, bad)


@pytest.mark.parametrize(
    "repo", ["tiny", "a/b/c", "../x", "a/..", "a--b/c", "http://x/y", "a/b\n", ""]
)
def test_a_repositorys_name_is_org_and_name(whole: InstalledModel, repo: str) -> None:
    with pytest.raises(InvalidRequestError, match="not the name of a repository"):
        push(prepare(whole, "mit"), repo, token="hf_x")


def test_without_a_token_nothing_is_asked(whole: InstalledModel) -> None:
    with pytest.raises(UploadError, match="who you are") as raised:
        push(prepare(whole, "mit"), "ada/tiny", token=None)
    assert "HF_TOKEN" in raised.value.hint


@pytest.mark.parametrize(("status", "words"), [(401, "may not write"), (403, "may not write")])
def test_a_hub_that_refuses_says_why(whole: InstalledModel, status: int, words: str) -> None:
    with running_push_hub() as hub:
        hub.status = status
        with pytest.raises(UploadError, match=words) as raised:
            push(prepare(whole, "mit"), "ada/tiny", endpoint=hub.url, token="hf_secret")
        assert hub.files == {}
        assert "hf_secret" not in str(raised.value)


def test_a_hub_that_is_not_there(whole: InstalledModel) -> None:
    with running_push_hub() as hub:
        url = hub.url
    with pytest.raises(UploadError, match="cannot be reached"):
        push(prepare(whole, "mit"), "ada/tiny", endpoint=url, token="hf_x")


def test_a_copy_in_a_folder(whole: InstalledModel, tmp_path: Path) -> None:
    copy_to(prepare(whole, "mit"), tmp_path / "out")
    assert not (tmp_path / "out" / ".env").exists()
    assert Library(tmp_path).find("out").context == whole.context
    with pytest.raises(ConflictError):
        copy_to(prepare(whole, "mit"), tmp_path / "out")


def test_a_card_in_another_encoding_is_no_obstacle(whole: InstalledModel) -> None:
    """People write them in Latin-1 too; exporting such a model ended in a traceback."""
    (whole.path / "README.md").write_bytes(b"---\nlicense: mit\n---\n# Mod\xe8le\n")
    publication = prepare(whole, None)
    assert publication.licence == "mit"
    assert publication.files["README.md"] == "---\nlicense: mit\n---\n# Mod\ufffdle\n".encode()


def test_shards_go_along_whatever_their_names_are(whole: InstalledModel, tmp_path: Path) -> None:
    """Only files of the usual names were copied: a model that loads went out without any weights,
    and the export said that all was well."""
    shard = "pytorch_model-00001-of-00001.safetensors"
    index = whole.path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(list_tensors(whole.path), shard)}))
    (whole.path / "model.safetensors").rename(whole.path / shard)
    (whole.path / "consolidated.safetensors").write_bytes(b"nobody's business")
    copy_to(prepare(whole, "mit"), tmp_path / "out")
    assert load_model(tmp_path / "out").config == load_model(whole.path).config
    assert not (tmp_path / "out" / "consolidated.safetensors").exists()
    (whole.path / shard).unlink()
    with pytest.raises(CheckpointError, match=f"lacks the shard {shard}"):
        prepare(whole, "mit")
