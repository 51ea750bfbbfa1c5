"""Publish a model or an adapter on a model hub, with its card; or copy it into a folder. No torch.

Only files of known names leave the machine, so that nothing that happens to lie in a model's folder
is published with it.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import httpx2

from miniclaude import __version__
from miniclaude.errors import InvalidRequestError, UploadError
from miniclaude.model.adapter_config import ADAPTER_CONFIG
from miniclaude.model.card import licence_of, plain_card, read_card, with_licence
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from miniclaude.model.hub import ENDPOINT, WANTED, checked_endpoint
from miniclaude.model.library import InstalledModel
from miniclaude.model.new_folder import new_folder
from miniclaude.model.staging import hold
from miniclaude.model.weight_files import INDEX, WEIGHTS, weight_files

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

CARD = "README.md"
PUBLISHED = WANTED | {ADAPTER_CONFIG, "adapter_model.safetensors", "tokenizer.model"}
REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
BASE = "base_model_name_or_path"


@dataclass(frozen=True, slots=True)
class Publication:
    """What would be published. files: name → a file's path, or its content where it is not as it
    lies on the disk. licence: as the card names it, if it does."""

    model: str
    files: dict[str, Path | bytes]
    licence: str

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(_size(content) for content in self.files.values())


def prepare(model: InstalledModel, licence: str | None, *, ask: bool = True) -> Publication:
    """Collect what is to be published of a model.

    licence: put into the card; None where the card names one. ask: there must be one. Raises
    InvalidRequestError when nobody has said under which licence, CheckpointError for a broken
    adapter_config.json and where weights are missing.
    """
    weights: set[str] = set()
    if model.adapter is None:
        weights = {path.name for path in weight_files(model.path)}
        weights |= set() if WEIGHTS in weights else {INDEX}
    files: dict[str, Path | bytes] = {
        path.name: path
        for path in sorted(model.path.iterdir())
        if path.is_file() and path.name in PUBLISHED | weights
    }
    lying = files.get(CARD)
    card = read_card(lying) if isinstance(lying, Path) else plain_card(model)
    named = licence_of(card) if licence is None else licence
    if named is None and ask:
        raise InvalidRequestError(
            f"licence: the card of {model.name} names none.",
            hint="Say under which one you publish it with --licence NAME (apache-2.0, mit,"
            " cc-by-4.0, other …). It depends on the base's licence and that of your rows.",
            param="licence",
        )
    files[CARD] = (card if named is None else with_licence(card, named)).encode()
    if ADAPTER_CONFIG in files and model.tuned is not None:
        files[ADAPTER_CONFIG] = _without_paths(model.path / ADAPTER_CONFIG, model.tuned.base)
    return Publication(model.name, files, named or "")


def push(
    publication: Publication,
    repo: str,
    *,
    endpoint: str = ENDPOINT,
    token: str | None,
    private: bool = False,
) -> str:
    """Make the repository where there is none, and add the files in one commit. Returns its
    address.

    token: sent to the endpoint alone. Raises InvalidRequestError for a bad name, UploadError when
    the hub refuses or cannot be reached.
    """
    check_repo(repo)
    base = checked_endpoint(endpoint)
    if not token:
        raise UploadError(
            f"{repo}: the hub needs to know who you are.",
            hint="Make a token with write access on the hub and set HF_TOKEN.",
        )
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    operations = [
        CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
        for name, content in publication.files.items()
    ]
    api = HfApi(endpoint=base, token=token, user_agent={"mini-claude": __version__})
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        api.create_commit(repo, operations, commit_message=f"Publish {publication.model}")
    except HfHubHTTPError as error:
        raise _refused(repo, error) from None
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise UploadError(
            f"{repo}: the hub cannot be reached or broke off: {type(error).__name__}.",
            hint="Check the network and HF_ENDPOINT, and push again; nothing half-made is shown.",
        ) from error
    return f"{base}/{repo}"


def copy_to(publication: Publication, folder: Path) -> None:
    """Write what would be published into a new folder. Raises what `hold` and `new_folder`
    raise."""
    with hold(folder.parent, folder.name), new_folder(folder) as partial:
        for name, content in publication.files.items():
            if isinstance(content, bytes):
                (partial / name).write_bytes(content)
            else:
                shutil.copyfile(content, partial / name)


def check_repo(repo: str) -> None:
    """Raises InvalidRequestError for what is no `org/name`."""
    if not REPO.fullmatch(repo) or "--" in repo or ".." in repo:
        raise InvalidRequestError(
            f"to: {repo[:200]!r} is not the name of a repository.",
            hint="Write ORG/NAME, as in a model's address on the hub.",
            param="to",
        )


def _refused(repo: str, error: HfHubHTTPError) -> UploadError:
    status = error.response.status_code
    if status in (401, 403):
        return UploadError(
            f"{repo}: the hub answers {status}: this token may not write there.",
            hint="Use a token with write access, and a name of your own or of your organisation.",
        )
    return UploadError(
        f"{repo}: the hub answers {status}.",
        hint="Try again later; nothing half-made is shown.",
    )


def _without_paths(config: Path, base: str) -> bytes:
    """adapter_config.json, naming its base and not where that lies on this machine."""
    fields = read_json_object(config, MAX_CONFIG_BYTES)
    named = fields.get(BASE)
    is_path = isinstance(named, str) and (
        PurePosixPath(named).is_absolute()
        or PureWindowsPath(named).is_absolute()
        or named.startswith((".", "~"))
    )
    if not is_path:
        return config.read_bytes()
    return json.dumps({**fields, BASE: base}, indent=2).encode() + b"\n"


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size
