"""What a tuned model's folder says of itself: `mini-claude.json`. No torch.

A tuned model is called `ft:<base>:<org>:<suffix>:<id>` and lives in the folder `<id>`, twelve
letters and digits that the program drew, so that no name can reach outside. The folder holds either
an adapter in PEFT's layout or a whole model.
"""

from __future__ import annotations

import json
import re
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miniclaude.errors import CheckpointError, InvalidRequestError
from miniclaude.model.adapter_config import ADAPTER_CONFIG
from miniclaude.model.config_json import MAX_CONFIG_BYTES, ConfigFields, read_json_object
from miniclaude.model.new_file import sha256_of
from miniclaude.model.new_folder import new_folder
from miniclaude.model.staging import hold

TUNED = "mini-claude.json"
METHODS = ("lora", "qlora", "full")
ID = re.compile(r"[A-Za-z0-9]{12}")
LABEL = re.compile(r"[A-Za-z0-9._-]{0,64}")
TUNED_NAME = re.compile(
    rf"ft:(?P<base>[A-Za-z0-9][A-Za-z0-9._/-]{{0,192}}):(?P<org>{LABEL.pattern})"
    rf":(?P<suffix>{LABEL.pattern}):(?P<id>{ID.pattern})"
)


@dataclass(frozen=True, slots=True)
class Tuned:
    """name: `ft:…`. base: the model it was tuned from, by name. created: Unix seconds.
    method: lora, qlora or full. sha256: of its files, by name, in hexadecimal."""

    name: str
    base: str
    created: int
    method: str
    sha256: Mapping[str, str]

    @property
    def org(self) -> str:
        """Whose it is."""
        match = TUNED_NAME.fullmatch(self.name)
        return match["org"] if match else ""


def new_id() -> str:
    """Twelve letters and digits that nobody can guess."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))


def tuned_name(base: str, org: str, suffix: str, model_id: str) -> str:
    """`ft:<base>:<org>:<suffix>:<id>`; a base that was tuned itself counts by its own base.

    Raises InvalidRequestError naming the part that is not letters, digits, '.', '_' and '-'.
    """
    for param, value in (("org", org), ("suffix", suffix)):
        if not LABEL.fullmatch(value):
            raise InvalidRequestError(
                f"{param}: {value[:100]!r} cannot be part of a model's name.",
                hint="Use up to 64 letters, digits, '.', '_' and '-'.",
                param=param,
            )
    tuned = TUNED_NAME.fullmatch(base)
    return f"ft:{tuned['base'] if tuned else base}:{org}:{suffix}:{model_id}"


def read_tuned(folder: Path) -> Tuned:
    """What `mini-claude.json` in the folder says. Raises CheckpointError naming file and field."""
    path = folder / TUNED
    fields = ConfigFields(path, read_json_object(path, MAX_CONFIG_BYTES))
    name = fields.text("name") or ""
    match = TUNED_NAME.fullmatch(name)
    if match is None or match["id"] != folder.name:
        raise fields.wrong("name", f"ft:<base>:<org>:<suffix>:{folder.name}")
    base, method = fields.text("base") or "", fields.text("method") or ""
    if not base or len(base) > 400 or base == name:
        raise fields.wrong("base", "the name of the model it was tuned from")
    if method not in METHODS:
        raise fields.wrong("method", f"one of {', '.join(METHODS)}")
    sums = fields.section("sha256")
    hashes = {} if sums is None else sums.values
    if not all(isinstance(value, str) for value in hashes.values()):
        raise fields.wrong("sha256", "a table of file names and hashes")
    return Tuned(
        name,
        base,
        fields.integer("created", most=1 << 40),
        method,
        {file: str(value) for file, value in hashes.items()},
    )


def check_files(folder: Path) -> None:
    """Raise CheckpointError naming the first of an adapter's files that is not the one that was
    saved; a card or a template may be edited. A folder without `mini-claude.json` promises nothing.
    """
    if not (folder / TUNED).is_file():
        return
    for file, expected in read_tuned(folder).sha256.items():
        path = folder / Path(file).name
        if path.name != ADAPTER_CONFIG and path.suffix != ".safetensors":
            continue
        if not path.is_file() or sha256_of(path) != expected:
            raise CheckpointError(
                f"{path} is missing or not what was saved: its hash differs from {TUNED}'s.",
                hint="Restore the file, or remove the tuned model and train it again.",
            )


def publish(
    staging: Path, adapters: Path, *, base: str, org: str, suffix: str, method: str, model_id: str
) -> Tuned:
    """Move the finished files in `staging` to `adapters/<id>`, with their `mini-claude.json`; the
    model is listed from that moment, whole. `staging` lies on the same disk and is gone afterwards.

    Raises InvalidRequestError for a bad org or suffix, and what `new_folder` raises.
    """
    files = sorted(path for path in staging.iterdir() if path.is_file() and path.name != TUNED)
    tuned = Tuned(
        tuned_name(base, org, suffix, model_id),
        base,
        int(time.time()),
        method,
        {path.name: sha256_of(path) for path in files},
    )
    written = {
        "name": tuned.name,
        "base": tuned.base,
        "created": tuned.created,
        "method": tuned.method,
        "sha256": dict(tuned.sha256),
    }
    with hold(adapters, model_id), new_folder(adapters / model_id) as partial:
        (partial / TUNED).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        for path in files:
            path.rename(partial / path.name)
    staging.rmdir()
    return tuned
