"""Load the tokenizer of a model folder.

Every layout is first brought into one form, the content of a tokenizer.json; in it the special
tokens are renamed to private spellings (see `special_tokens.py`); the rest is done by the
`tokenizers` library.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tokenizers

from miniclaude.errors import TokenizerError
from miniclaude.tokenizer.chat_formats import built_in_format
from miniclaude.tokenizer.files import (
    PULL_AGAIN,
    JsonObject,
    SpecialNames,
    read_definition,
    read_special_names,
    read_templates,
)
from miniclaude.tokenizer.special_tokens import SpecialTokens
from miniclaude.tokenizer.template import ChatTemplate
from miniclaude.tokenizer.tokenizer import Spelling, Tokenizer, check_vocabulary

__all__ = ["Tokenizer", "check_vocabulary", "load_tokenizer"]


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer stored in `folder`: tokenizer.json, or vocab.json with merges.txt.

    tokenizer.json is believed to the letter, as the `tokenizers` library does. (Some classes of
    `transformers` 5 replace parts of it: LlamaTokenizer puts no space before the first word
    after a special token, where a Llama 2 tokenizer.json does.)

    Raises TokenizerError when files are missing, truncated or contradictory, and
    ChatTemplateError when the folder's chat template is too large.
    """
    definition = read_definition(folder)
    names = read_special_names(folder)
    vocab = _vocabulary(definition, folder)
    added = _added_tokens(definition, names, vocab, folder)
    special = SpecialTokens({entry["content"]: entry["id"] for entry in added if entry["special"]})
    for name in ("bos_token", "eos_token"):
        if name in names.named and names.named[name] not in special.ids:
            raise TokenizerError(
                f"{folder}: the {name} {names.named[name]!r} is not in the vocabulary.",
                hint="The folder mixes two models' files; pull it again.",
            )

    spelling, strips_leading_space = _spelling(definition, folder)
    library = _build(definition, added, special, folder)
    special_names = dict(names.named)
    bos_id = next((i for i in [names.bos_id] if i in special.ids.values()), None)
    token_of = {token_id: token for token, token_id in special.ids.items()}
    if "bos_token" not in special_names and bos_id is not None:
        special_names["bos_token"] = token_of[bos_id]
    eos_ids = [special.ids[special_names["eos_token"]]] if "eos_token" in special_names else []
    eos_ids += names.eos_ids
    if not eos_ids and "<|endoftext|>" in special.ids:
        eos_ids = [special.ids["<|endoftext|>"]]
    if "eos_token" not in special_names and eos_ids and eos_ids[0] in token_of:
        special_names["eos_token"] = token_of[eos_ids[0]]

    sources = read_templates(folder)
    if not sources and (chat_format := built_in_format(special.ids, special_names)):
        sources = {"default": chat_format.template}
        if chat_format.turn_end is not None:
            eos_ids.append(special.ids[chat_format.turn_end])
    bos_token = special_names.get("bos_token")
    begins = library.encode("", add_special_tokens=True).ids[:1]
    return Tokenizer(
        library,
        special=special,
        added={entry["id"]: entry["content"] for entry in added},
        spelling=spelling,
        strips_leading_space=strips_leading_space,
        bos_token=bos_token,
        adds_bos=bool(names.add_bos)
        or (names.add_bos is None and bos_token is not None and begins == [special.ids[bos_token]]),
        eos_ids=tuple(dict.fromkeys(eos_ids)),
        special_names=special_names,
        template=ChatTemplate(sources) if sources else None,
    )


def _vocabulary(definition: JsonObject, folder: Path) -> dict[str, int]:
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


def _added_tokens(
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


def _build(
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
            for pair in _merges(model["merges"], vocab, folder)
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
    for part in _parts(renamed.get("pre_tokenizer")) + _parts(renamed.get("post_processor")):
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


def _merges(merges: Any, vocab: dict[str, int], folder: Path) -> list[list[str]]:
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


def _spelling(definition: JsonObject, folder: Path) -> tuple[Spelling, bool]:
    """How tokens spell bytes, and whether decoding drops a leading space; from the decoder."""
    decoders = _parts(definition.get("decoder"))
    kinds = {str(part.get("type")) for part in decoders}
    if kinds == {"ByteLevel"}:
        return "byte_level", False
    if "Metaspace" in kinds and kinds <= {"Metaspace", "ByteFallback", "Fuse"}:
        metaspace = next(part for part in decoders if part.get("type") == "Metaspace")
        never = metaspace.get("prepend_scheme") == "never"
        return "metaspace", not never and metaspace.get("add_prefix_space", True) is not False
    if "Replace" in kinds and kinds <= {"Replace", "ByteFallback", "Fuse", "Strip"}:
        strips = any(part.get("type") == "Strip" and part.get("start") == 1 for part in decoders)
        return "metaspace", strips
    raise TokenizerError(
        f"The tokenizer in {folder} decodes with {sorted(kinds)}, which is not implemented.",
        hint="Byte-level (GPT-2, Llama 3, Qwen) and SentencePiece-style (Llama 2, Mistral) "
        "vocabularies can be loaded.",
    )


def _parts(component: Any) -> list[JsonObject]:
    """A component of the definition, its sequences flattened."""
    if not isinstance(component, dict):
        return []
    inner = component.get("pretokenizers") or component.get("processors")
    inner = inner or component.get("decoders")
    if isinstance(inner, list):
        return [part for entry in inner for part in _parts(entry)]
    return [component]
