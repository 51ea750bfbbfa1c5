"""Pulling: every byte checked, nothing fetched twice, nothing half there."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from miniclaude.errors import (
    CheckpointError,
    ConflictError,
    DiskFullError,
    DownloadError,
    InvalidRequestError,
    UnknownArchitectureError,
)
from miniclaude.model.compression import as_config
from miniclaude.model.download import download
from miniclaude.model.hub import pull, rounded_in
from miniclaude.model.install import read_manifest
from miniclaude.model.library import InstalledModel, Library
from tests.model.hub_stand_in import COMMIT, Hub, folder_files, running_hub
from tests.tiny_checkpoint import write_tiny_checkpoint

REPO = "org/tiny"


class Recorder:
    """Remembers what a progress bar would show."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0
        self.notes: list[str] = []

    def begin(self, name: str, files: int, total: int) -> None:
        self.total, self.done = total, 0

    def file(self, name: str) -> None:
        pass

    def advance(self, count: int) -> None:
        self.done += count

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return folder_files(write_tiny_checkpoint(tmp_path_factory.mktemp("hub") / "tiny"))


@pytest.fixture
def hub(checkpoint: dict[str, bytes]) -> Iterator[Hub]:
    unwanted = {".gitattributes": b"x", "pytorch_model.bin": b"pickle", "modeling.py": b"import os"}
    with running_hub(REPO, {**checkpoint, **unwanted}) as running:
        yield running


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "models")


class Pulled(NamedTuple):
    model: InstalledModel
    progress: Recorder


def pull_here(hub: Hub, library: Library, repo: str = REPO, token: str | None = None) -> Pulled:
    progress = Recorder()
    model = pull(
        repo,
        library,
        endpoint=hub.url,
        token=token,
        progress=progress,
        sleep=lambda seconds: None,
    )
    return Pulled(model, progress)


def test_pull_installs_what_is_needed_and_nothing_else(
    hub: Hub, library: Library, checkpoint: dict[str, bytes]
) -> None:
    pulled = pull_here(hub, library)
    assert pulled.model.name == REPO
    assert pulled.model.path.name == "org--tiny"
    installed = folder_files(pulled.model.path)
    manifest = json.loads(installed.pop("manifest.json"))
    assert installed == checkpoint
    assert pulled.progress.done == pulled.progress.total == sum(map(len, checkpoint.values()))
    assert manifest["source"] == {"repo": REPO, "revision": COMMIT, "endpoint": hub.url}
    assert manifest["files"]["config.json"] == {
        "bytes": len(checkpoint["config.json"]),
        "sha256": hashlib.sha256(checkpoint["config.json"]).hexdigest(),
    }
    assert [path.name for path in library.home_models.iterdir() if path.name[0] != "."] == [
        "org--tiny"
    ]


def test_an_interrupted_pull_goes_on_where_it_stopped(hub: Hub, library: Library) -> None:
    """A dropped connection costs the bytes in flight, not the file."""
    size = len(hub.files["model.safetensors"])
    hub.cut["model.safetensors"] = [1000, 0, 500]
    pull_here(hub, library)
    assert hub.sent["model.safetensors"] == size


def test_a_later_pull_goes_on_where_an_earlier_one_gave_up(hub: Hub, library: Library) -> None:
    size = len(hub.files["model.safetensors"])
    hub.cut["model.safetensors"] = [1234, 0, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match=rf"model\.safetensors: .* \(1234 of {size} bytes\)"):
        pull_here(hub, library)
    assert library.list() == []
    sent = dict(hub.sent)
    pulled = pull_here(hub, library)
    assert hub.sent["model.safetensors"] == size
    assert hub.sent["config.json"] == sent["config.json"]
    assert pulled.progress.done == pulled.progress.total


def test_two_pulls_of_one_model_do_not_mix(
    hub: Hub, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both appended to the same half of a file; its length came out wrong for both, and each
    threw away all that was fetched. The second is told to wait."""
    refused: list[str] = []

    def another_comes(*given: Any, **named: Any) -> Path:
        if not refused:
            with pytest.raises(ConflictError) as caught:
                pull_here(hub, library)
            refused.append(str(caught.value))
        return download(*given, **named)

    monkeypatch.setattr("miniclaude.model.hub.download", another_comes)
    pull_here(hub, library)
    assert refused[0].startswith(f"model: {REPO!r} is being made already, by another process.")
    assert hub.sent["model.safetensors"] == len(hub.files["model.safetensors"])


def test_a_disk_that_is_full_at_the_very_end_costs_nothing_fetched(
    hub: Hub, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files were moved out of the pull's folder before their bytes were on the disk: an error or a
    kill during that, the longest part of installing, lost all that was fetched."""

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("miniclaude.model.new_folder.flush_to_disk", full)
        with pytest.raises(DiskFullError, match="No room to write") as caught:
            pull_here(hub, library)
    assert "what a pull has fetched is kept" in caught.value.hint
    assert library.list() == []
    assert [path.name for path in library.home_models.iterdir()] == [".pulling"]
    sent = dict(hub.sent)
    assert pull_here(hub, library).model.name == REPO
    assert hub.sent == sent


def test_a_server_without_ranges_is_read_from_the_start(hub: Hub, library: Library) -> None:
    hub.ranges = False
    hub.cut["model.safetensors"] = [1000]
    pulled = pull_here(hub, library)
    assert hub.sent["model.safetensors"] == 1000 + len(hub.files["model.safetensors"])
    assert pulled.progress.done == pulled.progress.total


def test_passing_trouble_is_waited_out(hub: Hub, library: Library) -> None:
    hub.failing["tokenizer.json"] = [503, 429, 500]
    assert pull_here(hub, library).model.name == REPO


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_corrupt_content_is_named_and_dropped(hub: Hub, library: Library, name: str) -> None:
    """sha256 for the large files, git's blob hash for the small ones."""
    hub.corrupt.add(name)
    with pytest.raises(DownloadError, match=rf"{name}: the content is corrupt: expected hash \w+"):
        pull_here(hub, library)
    assert library.list() == []
    staging = library.home_models / ".pulling" / "org--tiny"
    assert not [path for path in staging.iterdir() if path.name.startswith(name)]
    hub.corrupt.clear()
    assert pull_here(hub, library).model.name == REPO


def test_a_full_disk_is_seen_before_anything_is_fetched(
    hub: Hub, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(library.home_models.parent)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(
        DiskFullError, match=r"org/tiny: 0\.\d MB are needed, .* and 0\.0 MB are free"
    ):
        pull_here(hub, library)
    assert hub.sent == {}


def test_an_unknown_architecture_is_refused_before_the_weights(hub: Hub, library: Library) -> None:
    hub.files["config.json"] = b'{"model_type": "mamba"}'
    with pytest.raises(UnknownArchitectureError, match="model_type is 'mamba'"):
        pull_here(hub, library)
    assert set(hub.sent) == {"config.json"}


def test_weights_that_do_not_belong_to_the_config_are_refused(hub: Hub, library: Library) -> None:
    config = json.loads(hub.files["config.json"])
    hub.files["config.json"] = json.dumps({**config, "num_hidden_layers": 3}).encode()
    with pytest.raises(CheckpointError, match="has no tensor"):
        pull_here(hub, library)
    assert library.list() == []


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../b", "a\\..\\b", ""])
def test_hostile_file_names_are_refused(hub: Hub, library: Library, name: str) -> None:
    hub.extra_names.append(name)
    with pytest.raises(DownloadError, match="lists a file called"):
        pull_here(hub, library)
    assert hub.sent == {}


def test_folders_of_other_formats_are_not_fetched(hub: Hub, library: Library) -> None:
    hub.extra_names += ["onnx/config.json", "original/model.safetensors"]
    assert pull_here(hub, library).model.name == REPO


def test_the_token_goes_to_the_hub_and_nowhere_else(hub: Hub, library: Library) -> None:
    """The hub redirects to a CDN on another host, which must not see the key."""
    pull_here(hub, library, token="secret")
    assert hub.tokens == {"127.0.0.1": {"Bearer secret"}, "localhost": {None}}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"{}", "no such model, or not yours to read.*HF_TOKEN"),
        (403, b"{}", "no such model, or not yours to read.*HF_TOKEN"),
        (404, b"{}", "the hub has no such model or revision"),
        (500, b"{}", "the hub answers 500"),
        (200, b"<html>", "does not answer like a model hub.*HF_ENDPOINT"),
        (200, b'{"sha": "main", "siblings": []}', "does not answer like a model hub"),
        (200, b"[" * 100_000, "does not answer like a model hub"),
    ],
)
def test_listings_that_fail(
    hub: Hub, library: Library, status: int, body: bytes, message: str
) -> None:
    hub.listing_status, hub.listing_body = status, body
    with pytest.raises(DownloadError, match=message):
        pull_here(hub, library)


def test_a_listing_without_hashes_cannot_be_trusted(hub: Hub, library: Library) -> None:
    siblings = [{"rfilename": "config.json", "size": 10}]
    hub.listing_body = json.dumps({"sha": COMMIT, "siblings": siblings}).encode()
    with pytest.raises(DownloadError, match=r"config\.json without a size or a hash"):
        pull_here(hub, library)


@pytest.mark.parametrize(
    ("left_out", "message"),
    [("config.json", "has no config.json"), ("model.safetensors", "has no safetensors weights")],
)
def test_repositories_that_are_no_models(
    hub: Hub, library: Library, left_out: str, message: str
) -> None:
    del hub.files[left_out]
    with pytest.raises(DownloadError, match=message):
        pull_here(hub, library)


def test_pulling_again_fetches_nothing(hub: Hub, library: Library) -> None:
    pull_here(hub, library)
    sent = dict(hub.sent)
    pulled = pull_here(hub, library)
    assert hub.sent == sent
    assert "already here" in pulled.progress.notes[0]


def test_a_newer_revision_replaces_the_older_one(hub: Hub, library: Library) -> None:
    old = pull_here(hub, library).model
    manifest = read_manifest(old.path)
    assert isinstance(manifest["source"], dict)
    manifest["source"]["revision"] = "f" * 40
    (old.path / "manifest.json").write_text(json.dumps(manifest))
    hub.files["README.md"] = b"new"
    assert (pull_here(hub, library).model.path / "README.md").read_bytes() == b"new"


def test_a_revision_is_asked_for_by_name(hub: Hub, library: Library) -> None:
    pull(REPO, library, endpoint=hub.url + "/", revision="refs/pr/1", progress=Recorder())
    assert hub.paths[0] == "/api/models/org/tiny/revision/refs%2Fpr%2F1?blobs=true"


def test_a_missing_template_is_stored_and_announced(
    hub: Hub, library: Library, tmp_path: Path
) -> None:
    hub.files.update(folder_files(write_tiny_checkpoint(tmp_path / "plain", template=None)))
    pulled = pull_here(hub, library)
    assert pulled.progress.notes == [
        "The model came without a chat template; 'chatml' was stored in it."
    ]
    assert "<|im_start|>" in (pulled.model.path / "chat_template.jinja").read_text()


@pytest.mark.parametrize("endpoint", ["", "huggingface.co", "file:///etc", "http://", "ftp://a/b"])
def test_endpoints_that_are_no_urls(library: Library, endpoint: str) -> None:
    with pytest.raises(DownloadError, match="is not the address of a hub"):
        pull(REPO, library, endpoint=endpoint, progress=Recorder())


@pytest.mark.parametrize("repo", ["../etc", "a/b/c", "a b", "org/--tiny"])
def test_names_are_checked_before_they_are_asked_for(hub: Hub, library: Library, repo: str) -> None:
    with pytest.raises(InvalidRequestError, match="is not a model name"):
        pull_here(hub, library, repo)
    assert hub.paths == []


def test_a_hub_that_sends_us_in_circles(hub: Hub, library: Library) -> None:
    """The HTTP library's own sentence ends with a full stop; ours needs no second one."""
    hub.circles = True
    with pytest.raises(DownloadError, match=r"maximum allowed redirects\. ") as caught:
        pull_here(hub, library)
    assert caught.value.message.endswith("redirects.")


def test_a_hub_that_is_not_there(library: Library) -> None:
    with pytest.raises(DownloadError, match=r"the hub cannot be reached.*HF_ENDPOINT"):
        pull(REPO, library, endpoint="http://127.0.0.1:9", progress=Recorder())


@pytest.mark.parametrize(
    ("changes", "name"),
    [({}, "int8"), ({"format": "unheard-of"}, ""), ({"quant_method": "gptq"}, "")],
)
def test_how_a_repository_is_rounded_is_seen_before_it_is_pulled(
    changes: dict[str, object], name: str
) -> None:
    """Numbers of a byte were counted as half as many of two."""
    config = {"quantization_config": {**as_config(8, ignored=[]), **changes}}
    assert rounded_in(config) == name
    assert rounded_in({}) == ""
