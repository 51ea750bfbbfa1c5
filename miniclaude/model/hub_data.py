"""Files of a data set on the Hugging Face hub, listed and streamed. No torch.

A large file is read as it comes: a dropped connection is taken up where it broke, and the hash is
checked at the end of the file, when its last byte has been passed on.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

import httpx2

from miniclaude import __version__
from miniclaude.errors import DownloadError
from miniclaude.model.download import ATTEMPTS, TRANSIENT, RemoteFile, content_hash
from miniclaude.model.hub import (
    ENDPOINT,
    SHA1,
    checked_endpoint,
    get_json,
    listed_file,
    listed_name,
)

PREFIX = "hf://"
ADDRESS = re.compile(
    r"hf://datasets/(?P<repo>[\w][\w.-]*/[\w][\w.-]*)"
    r"(@(?P<early>[\w./-]+?))?(/(?P<path>[^@]+))?(@(?P<late>[\w./-]+))?"
)
OTHER_SPLIT = re.compile(r"(^|[^a-z])(test|valid|validation|eval|dev)([^a-z]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HubSource:
    """Which hub to read from. endpoint: base URL. token: sent to the endpoint's own host alone."""

    endpoint: str = ENDPOINT
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """`hf://datasets/org/name[/path][@revision]`, taken apart. path: a file or folder, or empty."""

    repo: str
    path: str
    revision: str


def parse_address(text: str) -> Address:
    """Take an address apart. Raises DownloadError for what is none."""
    match = ADDRESS.fullmatch(text)
    path = (match["path"] or "").strip("/") if match else ""
    if match is None or ".." in PurePosixPath(path).parts:
        raise DownloadError(
            f"{text!r} is not the address of a data set.",
            hint="Write hf://datasets/org/name, with an optional /path and @revision.",
        )
    return Address(match["repo"], path, match["late"] or match["early"] or "main")


@contextmanager
def hub_client(hub: HubSource) -> Iterator[httpx2.Client]:
    """The client for one hub; its key does not follow redirects to other hosts."""
    headers = {"User-Agent": f"mini-claude/{__version__}"}
    if hub.token:
        headers["Authorization"] = f"Bearer {hub.token}"
    with httpx2.Client(headers=headers, follow_redirects=True, timeout=30.0) as client:
        yield client


@dataclass(frozen=True, slots=True)
class DataListing:
    """The files of rows that an address means, at one commit. root: URL before a file's name."""

    root: str
    files: tuple[RemoteFile, ...]

    def url(self, file: RemoteFile) -> str:
        """Where the file is."""
        return f"{self.root}/{quote(file.name)}"


def list_files(
    client: httpx2.Client, hub: HubSource, address: Address, is_rows: Callable[[str], bool]
) -> DataListing:
    """The files that an address means: the one it names, or those of a folder.

    is_rows: whether a file of that name holds rows. Of a folder, the kind of file it has most of;
    where names tell splits, the training split.
    Raises DownloadError when there are none, and for names or sizes that cannot be trusted.
    """
    base, repo = checked_endpoint(hub.endpoint), address.repo
    url = f"{base}/api/datasets/{repo}"
    if address.revision != "main":
        url += f"/revision/{quote(address.revision, safe='')}"
    answer = get_json(client, f"{url}?blobs=true", repo, "dataset")
    commit, siblings = answer.get("sha"), answer.get("siblings")
    if not isinstance(commit, str) or not SHA1.fullmatch(commit) or not isinstance(siblings, list):
        raise DownloadError(
            f"{repo}: {base} does not answer like a hub.",
            hint=f"Check HF_ENDPOINT; it should be a hub's base URL, such as {ENDPOINT}.",
        )
    names = [listed_name(repo, entry) for entry in siblings]
    entries = dict(zip(names, siblings, strict=True))
    if address.path in entries:
        chosen = [address.path]
    else:
        folder = f"{address.path}/" if address.path else ""
        chosen = _training(sorted(n for n in names if n.startswith(folder) and is_rows(n)))
    if not chosen:
        raise DownloadError(
            f"{repo}: there is no file of rows at {address.path or 'the top'}.",
            hint="Name a file of the data set: hf://datasets/org/name/path.",
        )
    files = tuple(listed_file(repo, name, entries[name]) for name in chosen)
    return DataListing(f"{base}/datasets/{repo}/resolve/{commit}", files)


def _training(names: list[str]) -> list[str]:
    """Of one kind of file, those of the training split."""
    endings = Counter(PurePosixPath(name).suffix for name in names)
    names = [name for name in names if PurePosixPath(name).suffix == endings.most_common(1)[0][0]]
    train = [name for name in names if "train" in name.lower()]
    return train or [name for name in names if not OTHER_SPLIT.search(name)] or names


def stream(
    client: httpx2.Client,
    url: str,
    file: RemoteFile,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bytes]:
    """The file's bytes as they arrive.

    Raises DownloadError when the server refuses or keeps failing, and at the end when the content
    is not what was listed.
    """
    digest = content_hash(file)
    have = failures = 0
    while have < file.bytes:
        start, problem = have, "the connection closed early"
        try:
            for chunk in _from(client, url, file, have):
                digest.update(chunk)
                have += len(chunk)
                yield chunk
        except httpx2.RequestError as error:
            problem = str(error).rstrip(".") or type(error).__name__
        failures = 0 if have > start else failures + 1
        if have < file.bytes:
            if failures >= ATTEMPTS:
                raise DownloadError(
                    f"{file.name}: {problem} ({have} of {file.bytes} bytes).",
                    hint="Try again later.",
                )
            sleep(min(2.0**failures, 30.0) / 2)
    if have != file.bytes or digest.hexdigest() != file.digest:
        raise DownloadError(
            f"{file.name}: the content is corrupt: its hash is not the listed {file.digest}.",
            hint="Do not use its rows; read it again. If it recurs, the mirror is broken.",
        )


def _from(client: httpx2.Client, url: str, file: RemoteFile, have: int) -> Iterable[bytes]:
    """One request's bytes, from byte `have` on."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code in TRANSIENT:
            return
        if response.status_code not in (200, 206):
            raise DownloadError(
                f"{file.name}: the server answers {response.status_code}.",
                hint="Check the name, and your access to it.",
            )
        skip = 0 if response.status_code == 206 else have
        for chunk in response.iter_bytes():
            dropped = min(skip, len(chunk))
            skip -= dropped
            if dropped < len(chunk):
                yield chunk[dropped:]
