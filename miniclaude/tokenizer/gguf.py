"""A tokenizer in GGUF's keys, `tokenizer.ggml.…`, and back to the files of a model folder.

llama.cpp splits and joins text itself. Of byte-level vocabularies (`gpt2`) it is told the merges
and the *name* of the rule that cuts text into words; of SentencePiece's (`llama`) no merges, but a
score for each token: of two neighbours, those are joined first whose union scores best. What it
would cut or join in another way is refused by name, for then the same text had other ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from miniclaude.errors import TokenizerError
from miniclaude.tokenizer.bpe import byte_of_character
from miniclaude.tokenizer.definition import added_tokens, merge_pairs, parts, vocabulary
from miniclaude.tokenizer.files import (
    MAX_FILE_BYTES,
    JsonObject,
    read_definition,
    read_special_names,
)
from miniclaude.tokenizer.load import check_vocabulary, load_tokenizer

Kind = TypeVar("Kind", bool, int, str)
Keys = dict[str, bool | int | str | list[str] | NDArray[Any]]

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""What a token is, in `tokenizer.ggml.token_type`."""

MAX_TOKEN = 1024
"""Characters of a token that we believe; GPT-2's longest has 128."""
MAX_MERGES = 1 << 21
"""That are made from scores; Llama 2's vocabulary has 61,249."""

PLAIN = {"add_prefix_space": False, "trim_offsets": True}
BYTE_LEVEL: JsonObject = {"type": "ByteLevel", **PLAIN, "use_regex": True}
BYTES_ALONE: JsonObject = {"type": "ByteLevel", **PLAIN, "use_regex": False}
DIGITS: JsonObject = {"type": "Digits", "individual_digits": True}


def _split_by(digits: str) -> JsonObject:
    """Words as Llama 3 and Qwen 2 cut them; they differ in how many digits make a word."""
    expression = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits + r"|"
        r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = {"type": "Split", "pattern": {"Regex": expression}}
    return {**split, "behavior": "Isolated", "invert": False}


CUTS: dict[str, list[JsonObject]] = {
    "gpt-2": [BYTE_LEVEL],
    "smollm": [DIGITS, BYTE_LEVEL],
    "llama-bpe": [_split_by(r"\p{N}{1,3}"), BYTES_ALONE],
    "qwen2": [_split_by(r"\p{N}"), BYTES_ALONE],
}
"""`tokenizer.ggml.pre` → tokenizer.json's `pre_tokenizer`."""
WHOLE_WORDS = {"llama-bpe"}
"""Of those, which take a word that is a token as it is, whatever the merges make of it."""
COMPOSED = {"qwen2"}
"""Of those, which are trained on composed characters (NFC)."""

SPACE = "▁"
PREPEND: JsonObject = {"type": "Prepend", "prepend": SPACE}
SPACES_IN: JsonObject = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
SPACES_OUT: JsonObject = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}

IDS = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}
"""`tokenizer.ggml.…_token_id` → the name in tokenizer_config.json."""
ENDS = ("eos", "eot", "eom")
BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")
BPE: JsonObject = {"type": "BPE", "dropout": None, "fuse_unk": False, "byte_fallback": False}


def read_keys(folder: Path, rows: int) -> Keys:
    """The keys for the tokenizer of a model folder whose model embeds `rows` tokens.

    Raises TokenizerError for what llama.cpp would tokenise otherwise, and what `load_tokenizer`
    raises.
    """
    tokenizer = load_tokenizer(folder)
    check_vocabulary(tokenizer, rows, folder)
    definition, names = read_definition(folder), read_special_names(folder)
    model = definition["model"]
    if model.get("type", "BPE") != "BPE":
        raise _refused(folder, f"a vocabulary of the kind {model.get('type')!r}")
    vocab = vocabulary(definition, folder)
    texts = [f"[PAD{n}]" for n in range(rows)]
    types = np.full(rows, UNUSED, np.int32)
    for token, token_id in vocab.items():
        texts[token_id], types[token_id] = token, NORMAL
    for entry in added_tokens(definition, names, vocab, folder):
        texts[entry["id"]] = entry["content"]
        types[entry["id"]] = CONTROL if entry["special"] else USER_DEFINED
    unknown = model.get("unk_token")
    if unknown in vocab:
        types[vocab[unknown]] = UNKNOWN
    pairs = merge_pairs(model.get("merges") or [], vocab, folder)
    if model.get("byte_fallback"):
        for n in range(256):
            if f"<0x{n:02X}>" not in vocab:
                raise _refused(folder, f"a vocabulary without the byte <0x{n:02X}>")
            types[vocab[f"<0x{n:02X}>"]] = BYTE
        keys = _scored(definition, pairs, texts, types, folder)
    else:
        keys = _byte_level(definition, pairs, folder)
    keys |= {"tokens": texts, "token_type": types}
    named = {"unk_token": unknown, **tokenizer.special_names}
    ids = {token: n for n, token in enumerate(texts)}
    keys |= {f"{key}_token_id": ids[named[n]] for key, n in IDS.items() if named.get(n) in ids}
    for key, end in zip(ENDS, tokenizer.eos_ids, strict=False):
        keys[f"{key}_token_id"] = end
    keys["add_bos_token"] = tokenizer.encode_prompt("") != []
    keys["add_eos_token"] = False
    written: Keys = {f"tokenizer.ggml.{name}": value for name, value in keys.items()}
    if tokenizer.template is not None:
        written["tokenizer.chat_template"] = tokenizer.template.source(tools=False)
    return written


def _byte_level(definition: JsonObject, pairs: list[list[str]], folder: Path) -> Keys:
    cuts = [_essence(part) for part in parts(definition.get("pre_tokenizer"))]
    found = [name for name, cut in CUTS.items() if [_essence(part) for part in cut] == cuts]
    if not found:
        raise _refused(folder, "its rule for cutting text into words")
    [name] = found
    if bool(definition["model"].get("ignore_merges")) != (name in WHOLE_WORDS):
        raise _refused(folder, "its ignore_merges")
    normalizers = {str(part.get("type")) for part in parts(definition.get("normalizer"))}
    if normalizers - ({"NFC"} if name in COMPOSED else set()):
        raise _refused(folder, f"the normalizer {', '.join(sorted(normalizers))}")
    return {"model": "gpt2", "pre": name, "merges": [" ".join(pair) for pair in pairs]}


def _essence(part: JsonObject) -> JsonObject:
    """A part without what does not change ids, defaults filled in."""
    if part.get("type") == "ByteLevel":
        part = {**BYTE_LEVEL, "add_prefix_space": True, **part}
    return {name: value for name, value in part.items() if name != "trim_offsets"}


def _scored(
    definition: JsonObject,
    pairs: list[list[str]],
    texts: list[str],
    types: NDArray[np.int32],
    folder: Path,
) -> Keys:
    """Merges as scores: what is joined first scores 0, the next −1, and so on. That says the same
    only when all ways to make a token stand together, and none is left out."""
    prefix = _begins_with_space(definition)
    if prefix is None:
        raise _refused(folder, "its way to write spaces")
    normal = {token: n for n, token in enumerate(texts) if types[n] == NORMAL}
    told = [(left, right) for left, right in pairs if left + right in normal]
    place = {token: n for n, token in enumerate(dict.fromkeys(map("".join, told)))}
    order = [place[left + right] for left, right in told]
    ways = {way for token in normal for way in _ways(token, normal)}
    if order != sorted(order) or ways != set(told):
        raise _refused(folder, "merges that no scores can tell")
    scores = np.zeros(len(texts), np.float32)
    for token, n in normal.items():
        scores[n] = -place.get(token, len(place) + n)
    return {"model": "llama", "pre": "default", "scores": scores, "add_space_prefix": prefix}


def _begins_with_space(definition: JsonObject) -> bool | None:
    """Whether a space is put before a text; None for another way to write spaces."""
    normalizers = parts(definition.get("normalizer"))
    cuts = parts(definition.get("pre_tokenizer"))
    if not cuts and normalizers in ([PREPEND, SPACES_IN], [SPACES_IN]):
        return PREPEND in normalizers
    if normalizers or len(cuts) != 1 or cuts[0].get("type") != "Metaspace":
        return None
    [metaspace] = cuts
    if metaspace.get("split", True) or metaspace.get("replacement", SPACE) != SPACE:
        return None
    return bool(metaspace.get("prepend_scheme", "always") != "never")


def _ways(token: str, vocab: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Each way to make a token of two others."""
    for cut in range(1, len(token)):
        if token[:cut] in vocab and token[cut:] in vocab:
            yield token[:cut], token[cut:]


def _refused(folder: Path, what: str) -> TokenizerError:
    return TokenizerError(
        f"The tokenizer in {folder} cannot be told to llama.cpp: {what}.",
        hint="Export the model as safetensors: `mini-claude models export NAME FOLDER`.",
    )


def write_files(metadata: Mapping[str, object], folder: Path, source: Path) -> JsonObject:
    """Write tokenizer.json, tokenizer_config.json and, where there is one, chat_template.jinja, as
    the keys of the GGUF file `source` say. Returns what config.json should say of it.

    Raises TokenizerError naming the key that is missing, contradicts others or asks for what is not
    implemented.
    """
    keys = _Keys(metadata, source)
    model, cut = keys.one("model", str, ""), keys.one("pre", str, "default")
    texts = keys.texts("tokens")
    types = keys.numbers("token_type", len(texts), NORMAL)
    used = {token: n for n, token in enumerate(texts) if types[n] != UNUSED}
    if len(used) != sum(kind != UNUSED for kind in types):
        raise keys.wrong("tokens", "the same token twice")
    longest = max(used, key=len, default="")
    if not longest or len(longest) > MAX_TOKEN:
        raise keys.wrong("tokens", f"a longest token of {len(longest):,} characters")
    ids = {key: keys.one(f"{key}_token_id", int, -1) for key in (*IDS, *ENDS)}
    # llama.cpp passes over an id that no token has.
    ids = {key: n for key, n in ids.items() if 0 <= n < len(texts) and types[n] != UNUSED}
    normal = {token: n for token, n in used.items() if types[n] == NORMAL}
    add_bos = keys.one("add_bos_token", bool, model == "llama" or cut == "llama-bpe")
    if model == "gpt2":
        definition = _definition_by_bytes(keys, cut, normal)
    elif model == "llama":
        definition = _definition_by_scores(keys, texts, types, normal)
    else:
        raise keys.wrong("model", f"{model!r:.80}; read are gpt2 and llama")
    definition["model"]["vocab"] = used
    unknown = ids.get("unknown")
    definition["model"]["unk_token"] = None if unknown is None else texts[unknown]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    definition["added_tokens"] = [
        {"id": n, "content": token, **flags, "special": types[n] != USER_DEFINED}
        for token, n in used.items()
        if types[n] in (UNKNOWN, CONTROL, USER_DEFINED)
    ]
    bos = ids.get("bos")
    definition["post_processor"] = (
        _begin_with(texts[bos], bos) if add_bos and bos is not None else None
    )
    config: JsonObject = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "add_bos_token": add_bos and bos is not None,
        **{name: texts[ids[key]] for key, name in IDS.items() if key in ids},
    }
    template = metadata.get("tokenizer.chat_template")
    if isinstance(template, str) and template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    for file, content in (("tokenizer.json", definition), ("tokenizer_config.json", config)):
        text = json.dumps(content, ensure_ascii=False)
        if len(text.encode()) > MAX_FILE_BYTES:
            raise keys.wrong("tokens", f"more than {MAX_FILE_BYTES:,} bytes")
        (folder / file).write_text(text, encoding="utf-8")
    ends = list(dict.fromkeys(ids[key] for key in ENDS if key in ids))
    begin = {} if bos is None else {"bos_token_id": bos}
    return {**begin, "eos_token_id": ends} if ends else begin


def _definition_by_bytes(keys: _Keys, cut: str, normal: Mapping[str, int]) -> JsonObject:
    if cut not in CUTS:
        raise keys.wrong("pre", f"{cut!r:.80}; read are {', '.join(CUTS)}")
    alphabet = byte_of_character().keys()
    for token in normal:
        if not alphabet >= set(token):
            raise keys.wrong("tokens", f"{token!r:.80}, which is not written in bytes")
    merges = [merge.split(" ") for merge in keys.texts("merges")]
    return {
        "version": "1.0",
        "normalizer": {"type": "NFC"} if cut in COMPOSED else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": CUTS[cut]},
        "decoder": BYTE_LEVEL,
        "model": {**BPE, "merges": merges, "ignore_merges": cut in WHOLE_WORDS},
    }


def _definition_by_scores(
    keys: _Keys, texts: list[str], types: Sequence[int], normal: Mapping[str, int]
) -> JsonObject:
    for token, kind in zip(texts, types, strict=True):
        if kind == BYTE and not BYTE_TOKEN.fullmatch(token):
            raise keys.wrong("tokens", f"{token!r:.80} for a byte")
    scores = keys.numbers("scores", len(texts))
    by_score = sorted(normal, key=lambda token: (-scores[normal[token]], normal[token]))
    prefix = keys.one("add_space_prefix", bool, True)
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if prefix else []
    decoders = [SPACES_OUT, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]
    normalizers = [PREPEND, SPACES_IN] if prefix else [SPACES_IN]
    ways = (list(way) for token in by_score for way in _ways(token, normal))
    merges = list(islice(ways, MAX_MERGES + 1))
    if len(merges) > MAX_MERGES:
        raise keys.wrong("tokens", f"more than {MAX_MERGES:,} ways to make one of two others")
    return {
        "version": "1.0",
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {**BPE, "merges": merges, "fuse_unk": True, "byte_fallback": True},
    }


def _begin_with(token: str, token_id: int) -> JsonObject:
    """A post-processor that puts the token before every text."""
    begin = {"SpecialToken": {"id": token, "type_id": 0}}
    single = [begin, {"Sequence": {"id": "A", "type_id": 0}}]
    pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}]
    special = {token: {"id": token, "ids": [token_id], "tokens": [token]}}
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


class _Keys:
    """Typed access to `tokenizer.ggml.…`."""

    def __init__(self, metadata: Mapping[str, object], source: Path) -> None:
        self._metadata = metadata
        self._source = source

    def wrong(self, name: str, found: str) -> TokenizerError:
        """The error for a key that says `found`."""
        return TokenizerError(
            f"{self._source}: tokenizer.ggml.{name} has {found}.",
            hint="Its tokenizer cannot be rebuilt; choose another file of the model, or its"
            " original folder.",
        )

    def one(self, name: str, kind: type[Kind], default: Kind) -> Kind:
        """A single value of that type."""
        value = self._metadata.get(f"tokenizer.ggml.{name}", default)
        if type(value) is not kind:
            raise self.wrong(name, f"{value!r:.80}, which is no {kind.__name__}")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._metadata.get(f"tokenizer.ggml.{name}")
        if not isinstance(value, list) or not value:
            raise self.wrong(name, "no strings")
        return value

    def numbers(self, name: str, count: int, default: int | None = None) -> list[Any]:
        """A list of `count` finite numbers."""
        value = self._metadata.get(f"tokenizer.ggml.{name}")
        if value is None and default is not None:
            return [default] * count
        if not isinstance(value, np.ndarray) or len(value) != count or not np.isfinite(value).all():
            raise self.wrong(name, f"no {count:,} numbers, one for each token")
        numbers: list[Any] = value.tolist()
        return numbers
