"""The files of a model folder that concern its tokenizer, read with bounds and clear errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from miniclaude.errors import TokenizerError
from miniclaude.tokenizer.bpe import BPE

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Largest file read; the biggest tokenizer.json in common use has about 35 MB."""

NAMED = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")

END_OF_TEXT = "<|endoftext|>"
"""GPT-2's one special token: where a folder tells of none and the vocabulary has it, it is that."""

PULL_AGAIN = "Pull the model again, or restore the file from its source."

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SpecialNames:
    """What the folder's configuration says of special tokens.

    named: `eos_token` → its text, and so on. others: additional special tokens, by text.
    added: id → entry of `added_tokens_decoder`. bos_ids, eos_ids: from generation_config.json
    and config.json. add_bos, add_prefix_space: None where nothing is said.
    """

    named: dict[str, str]
    others: tuple[str, ...]
    added: dict[int, JsonObject]
    bos_ids: tuple[int, ...]
    eos_ids: tuple[int, ...]
    add_bos: bool | None
    add_prefix_space: bool | None


def read_definition(folder: Path) -> JsonObject:
    """The content of tokenizer.json, or the same made from vocab.json and merges.txt."""
    if not folder.is_dir():
        raise TokenizerError(
            f"There is no model folder {folder}.", hint="See `mini-claude models` for what is here."
        )
    if (folder / "tokenizer.json").is_file():
        return read_json(folder / "tokenizer.json")
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        return _definition_from_merges(folder)
    if (folder / "tokenizer.model").is_file():
        raise TokenizerError(
            f"{folder} has a SentencePiece tokenizer.model and no tokenizer.json.",
            hint="Convert it once with transformers: "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER).",
        )
    raise TokenizerError(
        f"{folder} has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt.",
        hint=PULL_AGAIN,
    )


def read_special_names(folder: Path) -> SpecialNames:
    """Merge tokenizer_config.json, special_tokens_map.json, added_tokens.json,
    generation_config.json and config.json; the first to speak of something is believed."""
    config = _read_optional(folder / "tokenizer_config.json")
    token_map = _read_optional(folder / "special_tokens_map.json")
    generation = _read_optional(folder / "generation_config.json")
    model = _read_optional(folder / "config.json")

    named = {}
    for name in NAMED:
        text = _token_text(config.get(name)) or _token_text(token_map.get(name))
        if text:
            named[name] = text
    others = []
    for source in (config, token_map):
        for key in ("additional_special_tokens", "extra_special_tokens"):
            listed = source.get(key) or []
            values = listed.values() if isinstance(listed, dict) else listed
            others += [text for text in map(_token_text, values) if text]
    added: dict[int, JsonObject] = {}
    for text, token_id in _read_optional(folder / "added_tokens.json").items():
        if isinstance(token_id, int):
            added[token_id] = {"content": text}
    for key, entry in (config.get("added_tokens_decoder") or {}).items():
        if str(key).isdecimal() and isinstance(entry, dict) and _token_text(entry):
            added[int(key)] = entry
    eos_ids = _ids(generation.get("eos_token_id")) + _ids(model.get("eos_token_id"))
    bos_ids = _ids(generation.get("bos_token_id")) + _ids(model.get("bos_token_id"))
    add_bos, prefix_space = config.get("add_bos_token"), config.get("add_prefix_space")
    return SpecialNames(
        named=named,
        others=tuple(dict.fromkeys(others)),
        added=dict(sorted(added.items())),
        bos_ids=tuple(bos_ids),
        eos_ids=tuple(dict.fromkeys(eos_ids)),
        add_bos=add_bos if isinstance(add_bos, bool) else None,
        add_prefix_space=prefix_space if isinstance(prefix_space, bool) else None,
    )


def read_templates(folder: Path) -> dict[str, str]:
    """The Jinja sources stored with the checkpoint, by name; empty when there are none.

    chat_template.jinja is the one called `default`; else tokenizer_config.json's
    `chat_template`, a string or a list of named ones.
    """
    templates: dict[str, str] = {}
    stored = _read_optional(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(stored, str):
        templates["default"] = stored
    elif isinstance(stored, list):
        for entry in stored:
            match entry:
                case {"name": str(name), "template": str(source)}:
                    templates[name] = source
    if (folder / "chat_template.jinja").is_file():
        templates["default"] = read_text(folder / "chat_template.jinja")
    return templates


def read_json(path: Path) -> JsonObject:
    """A JSON object; TokenizerError names the file and what is wrong with it."""
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise TokenizerError(
            f"{path} is not valid JSON ({error}); it may be truncated.", hint=PULL_AGAIN
        ) from error
    if not isinstance(value, dict):
        raise TokenizerError(f"{path} holds no JSON object.", hint=PULL_AGAIN)
    return value


def read_text(path: Path) -> str:
    """A UTF-8 file of at most MAX_FILE_BYTES."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise TokenizerError(
                f"{path} has more than {MAX_FILE_BYTES:,} bytes, too large for what it should be.",
                hint=PULL_AGAIN,
            )
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerError(f"{path} cannot be read: {error}.", hint=PULL_AGAIN) from error


def _read_optional(path: Path) -> JsonObject:
    return read_json(path) if path.is_file() else {}


def _definition_from_merges(folder: Path) -> JsonObject:
    """GPT-2's layout, which does not say what is special; the configuration may add to it."""
    vocab = read_json(folder / "vocab.json")
    merges = []
    for number, line in enumerate(read_text(folder / "merges.txt").split("\n"), start=1):
        if not line.strip() or (number == 1 and line.startswith("#version")):
            continue
        left, _, right = line.rstrip("\r").partition(" ")
        if not right or " " in right:
            raise TokenizerError(
                f"{folder / 'merges.txt'}, line {number}: {line!r} is not a pair of tokens.",
                hint=PULL_AGAIN,
            )
        merges.append((left, right))
    special = [END_OF_TEXT] if END_OF_TEXT in vocab else []
    definition = BPE(vocab, merges, special).tokenizer_json()
    prefix_space = read_special_names(folder).add_prefix_space or False
    for part in ("pre_tokenizer", "decoder"):
        definition[part] = {**definition[part], "add_prefix_space": prefix_space}
    return definition


def _token_text(value: object) -> str | None:
    """A token, written as a string or as an object with `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def _ids(value: object) -> list[int]:
    """A token id, or a list of them; anything else is no id."""
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, int) and item >= 0]
