"""The content of a tokenizer.json, checked, and built with the `tokenizers` library.

In it the special tokens are renamed to private spellings first; see `special_tokens.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import tokenizers

from miniclaude.errors import TokenizerError
from miniclaude.tokenizer.files import PULL_AGAIN, JsonObject, SpecialNames
from miniclaude.tokenizer.special_tokens import SpecialTokens

Spelling = Literal["byte_level", "metaspace"]
"""How a vocabulary writes bytes. byte_level: each character of a token is a byte (GPT-2).
metaspace: `▁` is a space, `<0x0A>` is a byte, all else is itself (SentencePiece)."""

_WRITES_SPACES = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}


def vocabulary(definition: JsonObject, folder: Path) -> dict[str, int]:
    """Token → id of the model inside the definition, checked for the form we rely on."""
    model = definition.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocab, list):  # Unigram: a list of [token, score]
        vocab = {entry[0]: n for n, entry in enumerate(vocab) if isinstance(entry, list) and entry}
    if not isinstance(vocab, dict) or not vocab:
        raise TokenizerError(f"The tokenizer in {folder} has no vocabulary.", hint=PULL_AGAIN)
    for token, token_id in vocab.items():
        if not isinstance(token, str) or not isinstance(token_id, int) or token_id < 0:
            raise TokenizerError(
                f"The tokenizer in {folder} gives {token!r} the id {token_id!r}.", hint=PULL_AGAIN
            )
    return vocab


def added_tokens(
    definition: JsonObject, names: SpecialNames, vocab: dict[str, int], folder: Path
) -> list[JsonObject]:
    """Every added token with its id, in order of id, `special` decided.

    Special are those marked so, those the configuration names, and those in the `<|…|>`
    notation, which some folders forget to mark and no ordinary text uses.
    """
    added: dict[str, JsonObject] = {}
    for entry in definition.get("added_tokens") or []:
        if not (
            isinstance(entry, dict)
            and isinstance(entry.get("content"), str)
            and entry["content"]
            and isinstance(entry.get("id"), int)
        ):
            raise TokenizerError(
                f"The tokenizer in {folder} has an added token without content or id: {entry!r}.",
                hint=PULL_AGAIN,
            )
        added[entry["content"]] = dict(entry)
    for token_id, entry in names.added.items():
        known = added.setdefault(entry["content"], {**entry, "id": token_id})
        known["special"] = bool(known.get("special")) or bool(entry.get("special"))
    named = [*names.named.values(), *names.others]
    for token in named:
        if token in vocab:
            added.setdefault(token, {"id": vocab[token], "content": token})
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    for token, entry in added.items():
        marked = bool(entry.get("special")) or token in named
        entry["special"] = marked or (token.startswith("<|") and token.endswith("|>"))
        for flag, default in flags.items():
            entry.setdefault(flag, default)
    return sorted(added.values(), key=lambda entry: int(entry["id"]))


def build(
    definition: JsonObject, added: list[JsonObject], special: SpecialTokens, folder: Path
) -> tokenizers.Tokenizer:
    """The library's tokenizer, special tokens under their private spelling.

    Merges that would spell a special token are left out: ordinary text must not reach it.
    """

    def rename(token: str) -> str:
        return special.spelling(token) if token in special.ids else token

    model = dict(definition["model"])
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        model["vocab"] = {rename(token): token_id for token, token_id in vocab.items()}
    else:
        model["vocab"] = [[rename(entry[0]), *entry[1:]] for entry in vocab]
    if isinstance(model.get("unk_token"), str):
        model["unk_token"] = rename(model["unk_token"])
    if "merges" in model:
        model["merges"] = [
            pair
            for pair in merge_pairs(model["merges"], vocab, folder)
            if pair[0] + pair[1] not in special.ids
        ]
    renamed = {
        **definition,
        "model": model,
        "truncation": None,
        "padding": None,
        "added_tokens": [{**entry, "content": rename(entry["content"])} for entry in added],
    }
    # Offsets must cover the space that belongs to a token, so that a mask can be exact.
    for part in parts(renamed.get("pre_tokenizer")) + parts(renamed.get("post_processor")):
        if part.get("type") == "ByteLevel":
            part["trim_offsets"] = False
    try:
        library = tokenizers.Tokenizer.from_str(json.dumps(renamed))
    except Exception as error:  # the library raises plain Exception on every defect
        raise TokenizerError(
            f"The tokenizer in {folder} cannot be built: {error}.", hint=PULL_AGAIN
        ) from error
    for entry in added:
        actual = library.token_to_id(rename(entry["content"]))
        if actual != entry["id"]:
            raise TokenizerError(
                f"The tokenizer in {folder} lists {entry['content']!r} with the id {entry['id']}, "
                f"but its vocabulary makes it {actual}.",
                hint="The folder mixes two models' files; pull it again.",
            )
    return library


def merge_pairs(merges: Any, vocab: dict[str, int], folder: Path) -> list[list[str]]:
    """Merges as pairs, written as such or as `"left right"`; all their tokens must exist."""
    pairs: list[list[str]] = []
    for number, merge in enumerate(merges, start=1):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(t, str) for t in pair)
        ):
            raise TokenizerError(
                f"Merge {number} of the tokenizer in {folder}, {merge!r}, is not a pair of tokens.",
                hint=PULL_AGAIN,
            )
        for token in (*pair, pair[0] + pair[1]):
            if token not in vocab:
                raise TokenizerError(
                    f"Merge {number} of the tokenizer in {folder} names {token!r}, "
                    "which is not in its vocabulary.",
                    hint="The vocabulary and the merges belong to different models; " + PULL_AGAIN,
                )
        pairs.append(pair)
    return pairs


def spelling_of(definition: JsonObject, folder: Path) -> tuple[Spelling, bool]:
    """How tokens spell bytes, and whether decoding drops a leading space; from the decoder."""
    decoders = parts(definition.get("decoder"))
    kinds = {str(part.get("type")) for part in decoders}
    if kinds == {"ByteLevel"}:
        return "byte_level", False
    if "Metaspace" in kinds and kinds <= {"Metaspace", "ByteFallback", "Fuse"}:
        metaspace = next(part for part in decoders if part.get("type") == "Metaspace")
        never = metaspace.get("prepend_scheme") == "never"
        return "metaspace", not never and metaspace.get("add_prefix_space", True) is not False
    replaced = [part for part in decoders if part.get("type") == "Replace"]
    if replaced == [_WRITES_SPACES] and kinds <= {"Replace", "ByteFallback", "Fuse", "Strip"}:
        strips = any(part.get("type") == "Strip" and part.get("start") == 1 for part in decoders)
        return "metaspace", strips
    raise TokenizerError(
        f"The tokenizer in {folder} decodes with {sorted(kinds)}, which is not implemented.",
        hint="Byte-level (GPT-2, Llama 3, Qwen) and SentencePiece-style (Llama 2, Mistral) "
        "vocabularies can be loaded.",
    )


def keeps_all(definition: JsonObject, spelling: Spelling, vocab: dict[str, int]) -> bool:
    """Whether every printed character of ASCII is part of some token of its text: nothing on the
    way takes any away, or has one token for what it does not know."""
    model = definition.get("model")
    normal = {str(part.get("type")) for part in parts(definition.get("normalizer"))}
    cuts = {str(part.get("behavior")) for part in parts(definition.get("pre_tokenizer"))}
    return (
        spelling == "byte_level"
        and isinstance(model, dict)
        and model.get("type") == "BPE"
        and normal <= {"NFC", "NFD", "NFKC", "NFKD"}
        and "Removed" not in cuts
        and all(chr(code) in vocab for code in range(0x21, 0x7F))
    )


def parts(component: Any) -> list[JsonObject]:
    """A component of the definition, its sequences flattened."""
    if not isinstance(component, dict):
        return []
    kinds = ("pretokenizers", "processors", "decoders", "normalizers")
    inner = next((component[kind] for kind in kinds if component.get(kind)), None)
    if isinstance(inner, list):
        return [part for entry in inner for part in parts(entry)]
    return [component]
