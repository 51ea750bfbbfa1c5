"""Fetch one file over HTTP so that it is whole, or not there. No torch.

Bytes go to `NAME.HASH.part`, which the next try takes up where this one stopped; only a file whose
hash is right gets its name.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import httpx2

from miniclaude.errors import NO_ROOM, DiskFullError, DownloadError

CHUNK = 1 << 20  # bytes
ATTEMPTS = 5
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub lists it. Large files have a sha256, small ones git's blob hash:
    sha1 of `blob SIZE\\0` and the content."""

    name: str
    bytes: int
    sha256: str | None
    git_sha1: str | None

    @property
    def digest(self) -> str:
        """The hash we hold the content to."""
        return self.sha256 or self.git_sha1 or ""


class Hash(Protocol):
    """What of hashlib's objects is used here."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _TransientError(Exception):
    """Worth another try."""


class _RefusedError(Exception):
    """The server says no; trying again will not help."""


def content_hash(file: RemoteFile) -> Hash:
    """A fresh hash of the kind that `file` is listed with."""
    if file.sha256:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % file.bytes, usedforsecurity=False)


def partial_path(folder: Path, file: RemoteFile) -> Path:
    """Where an unfinished download lies. The hash in its name keeps two revisions apart."""
    return folder / f"{file.name}.{file.digest[:16]}.part"


def download(
    client: httpx2.Client,
    url: str,
    file: RemoteFile,
    folder: Path,
    *,
    advance: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch `url` into `folder / file.name`, going on with what an earlier try left.

    advance: told of bytes gained; of a negative number when the server makes us begin again.
    Raises DownloadError when the server refuses, keeps failing, or sends something else than
    listed; DiskFullError.
    """
    target, partial = folder / file.name, partial_path(folder, file)
    if target.is_file() and _matches(target, file):
        advance(file.bytes)
        return target
    try:
        with partial.open("ab+") as stream:
            _fill(client, url, file, stream, advance, sleep)
        got = _hash_of(partial, file)
        if got != file.digest:
            partial.unlink()
            raise DownloadError(
                f"{file.name}: the content is corrupt: expected hash {file.digest}, got {got}.",
                hint="It was thrown away; pull again. If it recurs, the mirror is broken.",
            )
        partial.replace(target)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise DiskFullError(
            f"{file.name}: the disk is full in {folder}.",
            hint="Make room and pull again; what was fetched is kept.",
        ) from error
    return target


def _fill(
    client: httpx2.Client,
    url: str,
    file: RemoteFile,
    stream: BinaryIO,
    advance: Callable[[int], None],
    sleep: Callable[[float], None],
) -> None:
    """Append until the listed size is reached. An attempt that gained bytes costs nothing."""
    have = stream.tell()
    advance(have)
    failures = 0
    while have < file.bytes:
        problem = "the connection closed early"
        try:
            _append(client, url, file, stream, advance)
        except _RefusedError as error:
            raise DownloadError(
                f"{file.name}: {error}.", hint="Check the name, and your access to it."
            ) from error
        except (_TransientError, httpx2.RequestError) as error:
            problem = str(error).rstrip(".") or type(error).__name__
        failures = 0 if stream.tell() > have else failures + 1
        have = stream.tell()
        if have < file.bytes:
            if failures >= ATTEMPTS:
                raise DownloadError(
                    f"{file.name}: {problem} ({have} of {file.bytes} bytes).",
                    hint="Pull again to go on from there.",
                )
            sleep(min(2.0**failures, 30.0) / 2)


def _append(
    client: httpx2.Client,
    url: str,
    file: RemoteFile,
    stream: BinaryIO,
    advance: Callable[[int], None],
) -> None:
    """One request's worth of bytes."""
    have = stream.tell()
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code in TRANSIENT:
            raise _TransientError(f"the server answers {response.status_code}")
        if response.status_code not in (200, 206):
            raise _RefusedError(f"the server answers {response.status_code}")
        resumed = response.headers.get("content-range", "").startswith(f"bytes {have}-")
        if have and not (response.status_code == 206 and resumed):
            _empty(stream)
            advance(-have)
        for chunk in response.iter_bytes():
            if stream.tell() + len(chunk) > file.bytes:
                _empty(stream)
                raise _RefusedError(f"the server sends more than the {file.bytes} bytes it lists")
            stream.write(chunk)
            advance(len(chunk))


def _empty(stream: BinaryIO) -> None:
    stream.seek(0)
    stream.truncate()


def _hash_of(path: Path, file: RemoteFile) -> str:
    digest = content_hash(file)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _matches(path: Path, file: RemoteFile) -> bool:
    return path.stat().st_size == file.bytes and _hash_of(path, file) == file.digest
