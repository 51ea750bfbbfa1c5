"""Pull a model from the Hugging Face hub, or a mirror that speaks like it. No torch.

The order is: list, check the names and the disk, fetch config.json, refuse a family we do not
implement, fetch the rest, verify, and only then rename the folder to its place in the library.
An interrupted pull goes on where it stopped.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import httpx2

from miniclaude import __version__
from miniclaude.errors import CheckpointError, DownloadError
from miniclaude.model.compression import METHOD as COMPRESSED
from miniclaude.model.compression import compression_of
from miniclaude.model.config_json import ConfigFields
from miniclaude.model.download import RemoteFile, download, partial_path
from miniclaude.model.install import (
    Progress,
    check_config,
    check_disk,
    check_not_bundled,
    install,
    read_manifest,
)
from miniclaude.model.library import InstalledModel, Library, folder_name
from miniclaude.model.packing import FIELD
from miniclaude.model.staging import PULLING, clear_up, hold
from miniclaude.model.weight_files import INDEX

ENDPOINT = "https://huggingface.co"
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
WANTED = {
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "README.md",
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "NOTICE",
}
LARGEST_SMALL_FILE = 64 << 20  # bytes; a tokenizer.json of 256,000 entries has about 30 MB
LARGEST_LISTING = 16 << 20  # bytes
SHA1 = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at one commit, of the files we use."""

    repo: str
    revision: str
    files: tuple[RemoteFile, ...]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


def pull(
    repo: str,
    library: Library,
    *,
    endpoint: str = ENDPOINT,
    token: str | None = None,
    revision: str = "main",
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> InstalledModel:
    """Fetch `repo` into the library and say what was installed.

    endpoint: base URL of the hub. token: sent to the endpoint's own host alone. revision: branch,
    tag or commit; the commit it stands for is fetched and written down.

    Raises InvalidRequestError for a bad name, ConflictError for a bundled model's and while another
    process makes the same one, DownloadError (no such repository, no access, no safetensors,
    hostile names, corrupt content, a network that keeps failing), DiskFullError,
    UnknownArchitectureError, CheckpointError, TokenizerError.
    """
    folder = folder_name(repo)
    check_not_bundled(
        library,
        repo,
        "Download its files and import them under another name: `mini-claude pull --from FOLDER"
        " --name NAME`.",
    )
    base = checked_endpoint(endpoint)
    clear_up(library.home_models)
    with _client(token) as client, hold(library.home_models, folder):
        listing = look_up(client, base, repo, revision)
        if _installed_revision(library, folder) == listing.revision:
            progress.note(f"{repo} is already here at revision {listing.revision[:12]}.")
            return library.find(repo)
        staging = library.home_models / PULLING / folder
        staging.mkdir(parents=True, exist_ok=True)
        check_disk(repo, listing.bytes - _bytes_here(listing, staging), staging)
        progress.begin(repo, len(listing.files), listing.bytes)
        root = f"{base}/{repo}/resolve/{listing.revision}"
        for file in listing.files:
            progress.file(file.name)
            download(
                client,
                f"{root}/{quote(file.name)}",
                file,
                staging,
                advance=progress.advance,
                sleep=sleep,
            )
            if file.name == "config.json":
                check_config(staging)
        _sweep(staging, {file.name for file in listing.files})
        source = {"repo": repo, "revision": listing.revision, "endpoint": base}
        return install(staging, library, repo, source, progress)


@dataclass(frozen=True, slots=True)
class Needs:
    """What pulling a repository would take. bytes: to download, of which `here` are here already.
    weight_bytes: of the files with weights. dtype: what config.json says they are stored in; empty
    where it does not. installed: this very revision is here."""

    repo: str
    revision: str
    files: int
    bytes: int
    here: int
    weight_bytes: int
    dtype: str
    installed: bool


def find_needs(
    repo: str,
    library: Library,
    *,
    endpoint: str = ENDPOINT,
    token: str | None = None,
    revision: str = "main",
) -> Needs:
    """Ask the hub what `repo` would take; nothing is written. Raises as `pull` does before its
    first download."""
    folder = folder_name(repo)
    check_not_bundled(library, repo, "Pull another one.")
    base = checked_endpoint(endpoint)
    with _client(token) as client:
        listing = look_up(client, base, repo, revision)
        url = f"{base}/{repo}/resolve/{listing.revision}/config.json"
        config = get_json(client, url, repo)
    stored = rounded_in(config) or config.get("torch_dtype", config.get("dtype"))
    return Needs(
        repo,
        listing.revision,
        len(listing.files),
        listing.bytes,
        min(_bytes_here(listing, library.home_models / PULLING / folder), listing.bytes),
        sum(file.bytes for file in listing.files if WEIGHTS.fullmatch(file.name)),
        stored if isinstance(stored, str) and len(stored) <= 32 else "",
        _installed_revision(library, folder) == listing.revision,
    )


def rounded_in(config: Mapping[str, object]) -> str:
    """What compressed-tensors has rounded most weights to; empty where it has not, or in a way that
    is refused once the file is here."""
    fields = config.get(FIELD)
    if not isinstance(fields, dict) or fields.get("quant_method") != COMPRESSED:
        return ""
    try:
        return compression_of(ConfigFields(Path("config.json"), fields)).name
    except CheckpointError:
        return ""


def _client(token: str | None) -> httpx2.Client:
    headers = {"User-Agent": f"mini-claude/{__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx2.Client(headers=headers, follow_redirects=True, timeout=30.0)


def look_up(client: httpx2.Client, base: str, repo: str, revision: str) -> Listing:
    """Ask the hub what `repo` holds. Raises DownloadError."""
    url = f"{base}/api/models/{repo}"
    if revision != "main":
        url += f"/revision/{quote(revision, safe='')}"
    answer = get_json(client, f"{url}?blobs=true", repo)
    commit, siblings = answer.get("sha"), answer.get("siblings")
    if not isinstance(commit, str) or not SHA1.fullmatch(commit) or not isinstance(siblings, list):
        raise DownloadError(
            f"{repo}: {base} does not answer like a model hub.",
            hint="Check HF_ENDPOINT; it should be a hub's base URL, such as " + ENDPOINT + ".",
        )
    files = [_remote_file(repo, entry) for entry in siblings]
    return Listing(repo, commit, _wanted(repo, [file for file in files if file is not None]))


def get_json(client: httpx2.Client, url: str, repo: str, kind: str = "model") -> dict[str, object]:
    """What the hub's API says at `url` about a repository; an empty object when it is no JSON
    object. kind: of repository, `model` or `dataset`. Raises DownloadError."""
    try:
        with client.stream("GET", url) as response:
            if response.status_code in (401, 403):
                raise DownloadError(
                    f"{repo}: the hub answers {response.status_code}: no such {kind}, or not yours"
                    " to read.",
                    hint="Check the name; for a private or gated one, accept its terms on its"
                    " page and set HF_TOKEN.",
                )
            if response.status_code == 404:
                raise DownloadError(
                    f"{repo}: the hub has no such {kind} or revision.",
                    hint="Check the name; it is `org/name`, as in its page's address.",
                )
            if response.status_code != 200:
                raise DownloadError(
                    f"{repo}: the hub answers {response.status_code}.", hint="Try again later."
                )
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_LISTING:
                    raise DownloadError(
                        f"{repo}: the list of files is larger than {LARGEST_LISTING} bytes.",
                        hint=f"This does not look like a {kind} repository.",
                    )
    except httpx2.RequestError as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise DownloadError(
            f"{repo}: the hub cannot be reached: {reason}.",
            hint="Check the network, or set HF_ENDPOINT to a mirror.",
        ) from error
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else {}


def listed_name(repo: str, entry: object) -> str:
    """The name in an entry of the hub's list. Raises DownloadError for one that is hostile."""
    name = entry.get("rfilename") if isinstance(entry, dict) else None
    path = PurePosixPath(name if isinstance(name, str) else "")
    if not path.name or path.is_absolute() or ".." in path.parts or "\\" in path.as_posix():
        raise DownloadError(
            f"{repo}: the repository lists a file called {name!r}.",
            hint="Such a name may be an attack on your disk; nothing was fetched.",
        )
    return path.as_posix()


def listed_file(repo: str, name: str, entry: dict[str, object]) -> RemoteFile:
    """An entry of the hub's list. Raises DownloadError for one without size or hash."""
    lfs = entry.get("lfs")
    size, sha1 = entry.get("size"), entry.get("blobId")
    sha256 = lfs.get("sha256") if isinstance(lfs, dict) else None
    good_sha256 = sha256 if isinstance(sha256, str) and SHA256.fullmatch(sha256) else None
    good_sha1 = sha1 if isinstance(sha1, str) and SHA1.fullmatch(sha1) else None
    if type(size) is not int or size < 0 or not (good_sha256 or (good_sha1 and not lfs)):
        raise DownloadError(
            f"{repo}: the hub lists {name} without a size or a hash.",
            hint="It could not be checked; use another mirror.",
        )
    return RemoteFile(name, size, good_sha256, None if good_sha256 else good_sha1)


def _remote_file(repo: str, entry: object) -> RemoteFile | None:
    """An entry of a model's list; None for files we have no use for.

    Raises DownloadError for a name that is hostile, and for a wanted file without size or hash.
    """
    name = listed_name(repo, entry)
    if not isinstance(entry, dict) or not (name in WANTED | {INDEX} or WEIGHTS.fullmatch(name)):
        return None
    file = listed_file(repo, name, entry)
    if file.bytes > LARGEST_SMALL_FILE and not WEIGHTS.fullmatch(name):
        raise DownloadError(
            f"{repo}: {name} has {file.bytes} bytes, more than the {LARGEST_SMALL_FILE} we read.",
            hint="This does not look like a model repository.",
        )
    return file


def _wanted(repo: str, files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """config.json first, weights last; whole weights rather than the same ones in shards."""
    by_name = {file.name: file for file in files}
    weights = {name for name in by_name if WEIGHTS.fullmatch(name)}
    if "config.json" not in by_name or not weights:
        missing = "safetensors weights" if "config.json" in by_name else "config.json"
        raise DownloadError(
            f"{repo}: the repository has no {missing}.",
            hint="Only Hugging Face model folders with safetensors can be used; look for a"
            " converted copy of the model.",
        )
    if "model.safetensors" in weights:
        dropped = (weights - {"model.safetensors"}) | {INDEX}
        by_name = {name: file for name, file in by_name.items() if name not in dropped}
    return tuple(
        sorted(
            by_name.values(),
            key=lambda f: (f.name != "config.json", bool(WEIGHTS.fullmatch(f.name)), f.name),
        )
    )


def _bytes_here(listing: Listing, staging: Path) -> int:
    """What earlier tries left."""
    paths = [staging / file.name for file in listing.files]
    paths += [partial_path(staging, file) for file in listing.files]
    return sum(path.stat().st_size for path in paths if path.is_file())


def checked_endpoint(endpoint: str) -> str:
    """Without the slash at the end. Raises DownloadError for what is no http(s) URL."""
    try:
        url = httpx2.URL(endpoint)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.query:
        raise DownloadError(
            f"endpoint: {endpoint!r} is not the address of a hub.",
            hint=f"Set HF_ENDPOINT to a base URL such as {ENDPOINT}, or leave it unset.",
        )
    return endpoint.rstrip("/")


def _installed_revision(library: Library, folder: str) -> object:
    source = read_manifest(library.home_models / folder).get("source")
    return source.get("revision") if isinstance(source, dict) else None


def _sweep(staging: Path, keep: set[str]) -> None:
    """Drop what an earlier try of another revision left."""
    for path in staging.iterdir():
        if path.name not in keep:
            path.unlink()
