"""A data set on a hub: which files an address means, and bytes that survive a bad connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from miniclaude.data.hub_rows import is_rows
from miniclaude.errors import DownloadError
from miniclaude.model.download import RemoteFile
from miniclaude.model.hub_data import (
    Address,
    HubSource,
    hub_client,
    list_files,
    parse_address,
    stream,
)
from tests.model.hub_stand_in import COMMIT, Hub, running_hub

REPO = "someone/chats"
FILES = {
    "README.md": b"# Chats",
    "data/train-00000-of-00002.jsonl": b'{"text": "a"}\n' * 1_000,
    "data/train-00001-of-00002.jsonl": b'{"text": "b"}\n',
    "data/test-00000-of-00001.jsonl": b'{"text": "test"}\n',
    "extra/rows.csv": b"text\nc\n",
}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub(REPO, dict(FILES), kind="datasets") as running:
        yield running


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf://datasets/a/b", Address("a/b", "", "main")),
        ("hf://datasets/a/b@v1.0", Address("a/b", "", "v1.0")),
        ("hf://datasets/a/b/data/x.jsonl", Address("a/b", "data/x.jsonl", "main")),
        ("hf://datasets/a/b/data/@refs/pr/1", Address("a/b", "data", "refs/pr/1")),
        ("hf://datasets/a/b@v1/data/x.jsonl", Address("a/b", "data/x.jsonl", "v1")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["hf://a/b", "hf://datasets/a", "hf://datasets/a/b/../c", "hf://datasets/../b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DownloadError, match="is not the address of a data set") as caught:
        parse_address(text)
    assert "hf://datasets/org/name" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"]),
        ("data", ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"]),
        ("data/test-00000-of-00001.jsonl", ["data/test-00000-of-00001.jsonl"]),
        ("extra", ["extra/rows.csv"]),
    ],
)
def test_an_address_means_the_training_split(hub: Hub, path: str, names: list[str]) -> None:
    """Unless a file is named: a model that trained on the test split cannot be judged by it."""
    source = HubSource(hub.url, "secret")
    with hub_client(source) as client:
        listing = list_files(client, source, Address(REPO, path, "main"), is_rows)
    assert [file.name for file in listing.files] == names
    assert listing.root == f"{hub.url}/datasets/{REPO}/resolve/{COMMIT}"
    assert hub.tokens["127.0.0.1"] == {"Bearer secret"}


def test_a_folder_without_rows_and_hostile_names(hub: Hub) -> None:
    source = HubSource(hub.url)
    with hub_client(source) as client:
        with pytest.raises(DownloadError, match="no file of rows at nowhere"):
            list_files(client, source, Address(REPO, "nowhere", "main"), is_rows)
        hub.extra_names.append("../../x.jsonl")
        with pytest.raises(DownloadError, match=r"lists a file called '\.\./\.\./x\.jsonl'"):
            list_files(client, source, Address(REPO, "", "main"), is_rows)
        hub.listing_status = 404
        with pytest.raises(DownloadError, match="no such dataset or revision"):
            list_files(client, source, Address(REPO, "", "main"), is_rows)


def fetch(hub: Hub, name: str) -> bytes:
    source = HubSource(hub.url, "secret")
    with hub_client(source) as client:
        listing = list_files(client, source, Address(REPO, name, "main"), is_rows)
        [file] = listing.files
        pieces = stream(client, listing.url(file), file, sleep=lambda _: None)
        return b"".join(pieces)


NAME = "data/train-00000-of-00002.jsonl"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_dropped_connection_is_taken_up_where_it_broke(hub: Hub, ranges: bool) -> None:
    """No row twice and none missing, also from a server that begins again each time."""
    hub.ranges = ranges
    hub.cut[NAME] = [1_000, 5_001] if ranges else [1_000, 9_001]
    hub.failing[NAME] = [503]
    assert fetch(hub, NAME) == FILES[NAME]
    assert hub.tokens["localhost"] == {None}, "the key went to another host"


def test_corrupt_and_failing_content_ends_in_an_error(hub: Hub) -> None:
    hub.corrupt.add(NAME)
    with pytest.raises(DownloadError, match="the content is corrupt") as caught:
        fetch(hub, NAME)
    assert "Do not use its rows" in caught.value.hint
    hub.corrupt.clear()
    hub.failing[NAME] = [500] * 20
    with pytest.raises(DownloadError, match=r"closed early \(0 of 14000 bytes\)"):
        fetch(hub, NAME)
    hub.failing[NAME] = [403]
    with pytest.raises(DownloadError, match="the server answers 403"):
        fetch(hub, NAME)


def test_a_listing_that_promises_more_than_is_sent(hub: Hub) -> None:
    source = HubSource(hub.url)
    with hub_client(source) as client:
        listing = list_files(client, source, Address(REPO, NAME, "main"), is_rows)
        short = RemoteFile(NAME, 100, listing.files[0].sha256, listing.files[0].git_sha1)
        with pytest.raises(DownloadError, match="the content is corrupt"):
            list(stream(client, listing.url(short), short))
