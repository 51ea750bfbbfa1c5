"""Tokenizers in GGUF's keys and back: the same ids for every text, or a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from miniclaude.errors import TokenizerError
from miniclaude.tokenizer.bpe import train
from miniclaude.tokenizer.gguf import CUTS, PREPEND, SPACES_IN, SPACES_OUT, read_keys, write_files
from miniclaude.tokenizer.load import load_tokenizer
from tests.model.gguf_models import TEXTS

Definition = dict[str, Any]


def spaced() -> Definition:
    """A vocabulary in SentencePiece's manner: bytes, letters, and what scores would join."""
    joined = ["▁t", "he", "▁the", "▁▁", "an", "▁an"]
    letters = sorted(set("▁" + "".join(joined) + "abcdefgilmnopqrstuvw"))
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256)), *joined, *letters]
    known = set(joined) | set(letters)
    merges = [
        [token[:n], token[n:]]
        for token in joined
        for n in range(1, len(token))
        if token[:n] in known and token[n:] in known
    ]
    added = [{"id": n, "content": tokens[n], "special": True} for n in range(3)]
    decoders = [SPACES_OUT, {"type": "ByteFallback"}, {"type": "Fuse"}]
    return {
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [PREPEND, SPACES_IN]},
        "decoder": {
            "type": "Sequence",
            "decoders": [*decoders, {"type": "Strip", "content": " ", "start": 1, "stop": 0}],
        },
        "model": {
            "type": "BPE",
            "vocab": {token: n for n, token in enumerate(tokens)},
            "merges": merges,
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
        },
    }


def by_bytes() -> Definition:
    """A byte-level vocabulary."""
    return train(TEXTS * 3, 400, ["<|end|>"]).tokenizer_json()


def written(folder: Path, definition: Definition, **config: object) -> Path:
    """A folder with that tokenizer."""
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(definition), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def test_spaced_vocabularies_come_back_with_their_merges(tmp_path: Path) -> None:
    """Scores say which of two neighbours is joined first; the merges must be theirs again."""
    definition = spaced()
    folder = written(
        tmp_path / "a", definition, bos_token="<s>", eos_token="</s>", add_bos_token=True
    )
    rows = len(definition["model"]["vocab"]) + 5
    keys = read_keys(folder, rows)
    assert keys["tokenizer.ggml.model"] == "llama"
    assert keys["tokenizer.ggml.tokens"][-1] == f"[PAD{rows - 1}]"  # type: ignore[index]
    types = np.asarray(keys["tokenizer.ggml.token_type"]).tolist()
    assert (types[0], types[1], types[3], types[260], types[-1]) == (2, 3, 6, 1, 5)
    back = tmp_path / "b"
    back.mkdir()
    assert write_files(keys, back, tmp_path / "x.gguf") == {"bos_token_id": 1, "eos_token_id": [2]}
    again = json.loads((back / "tokenizer.json").read_text("utf-8"))
    assert again["model"]["merges"] == definition["model"]["merges"]
    before, after = load_tokenizer(folder), load_tokenizer(back)
    for text in [*TEXTS, "then an  ant"]:
        assert before.encode_prompt(text) == after.encode_prompt(text)
        assert after.decode(after.encode(text)) == text


@pytest.mark.parametrize("cut", CUTS)
def test_byte_level_vocabularies_come_back(cut: str, tmp_path: Path) -> None:
    definition = by_bytes()
    definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": CUTS[cut]}
    definition["model"]["ignore_merges"] = cut == "llama-bpe"
    folder = written(tmp_path / "a", definition, eos_token="<|end|>", bos_token="<|end|>")
    keys = read_keys(folder, 400)
    assert keys["tokenizer.ggml.pre"] == cut
    back = tmp_path / "b"
    back.mkdir()
    write_files(keys, back, tmp_path / "x.gguf")
    before, after = load_tokenizer(folder), load_tokenizer(back)
    for text in TEXTS:
        assert before.encode_prompt(text) == after.encode_prompt(text)


def test_a_beginning_of_text_of_id_0_is_put_before_texts(tmp_path: Path) -> None:
    """Id 0 is a token like any other, not the absence of one."""
    folder = written(tmp_path / "a", by_bytes(), bos_token="<|end|>", add_bos_token=True)
    back = tmp_path / "b"
    back.mkdir()
    write_files(read_keys(folder, 400), back, tmp_path / "x.gguf")
    assert load_tokenizer(back).encode_prompt("") == [0]
    definition = json.loads((back / "tokenizer.json").read_text("utf-8"))
    assert definition["post_processor"]["special_tokens"]["<|end|>"]["ids"] == [0]


def other_words(definition: Definition) -> None:
    definition["pre_tokenizer"] = {"type": "Whitespace"}


def lowercase(definition: Definition) -> None:
    definition["normalizer"] = {"type": "Lowercase"}


def ignored_merges(definition: Definition) -> None:
    definition["model"]["ignore_merges"] = True


def a_merge_left_out(definition: Definition) -> None:
    definition["model"]["merges"].pop(1)


def a_merge_out_of_order(definition: Definition) -> None:
    definition["model"]["merges"].append(definition["model"]["merges"].pop(0))
    definition["model"]["merges"].insert(1, ["▁", "the"])
    definition["model"]["vocab"] |= {"the": 400}


def a_byte_left_out(definition: Definition) -> None:
    vocab = definition["model"]["vocab"]
    vocab["x"] = vocab.pop("<0x41>")


@pytest.mark.parametrize(
    ("base", "change", "said"),
    [
        (by_bytes, other_words, "its rule for cutting text into words"),
        (by_bytes, lowercase, "the normalizer Lowercase"),
        (by_bytes, ignored_merges, "its ignore_merges"),
        (spaced, a_merge_left_out, "merges that no scores can tell"),
        (spaced, a_merge_out_of_order, "merges that no scores can tell"),
        (spaced, lowercase, "its way to write spaces"),
        (spaced, a_byte_left_out, "without the byte <0x41>"),
    ],
)
def test_what_llama_cpp_would_tokenise_otherwise_is_refused(
    base: Callable[[], Definition], change: Callable[[Definition], None], said: str, tmp_path: Path
) -> None:
    """A file that loads and gives other ids for the same text answers nonsense."""
    definition = base()
    change(definition)
    with pytest.raises(TokenizerError, match=said) as error:
        read_keys(written(tmp_path / "a", definition), 500)
    assert "models export NAME FOLDER" in error.value.hint


def test_a_tokenizer_larger_than_its_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="embeds only 399"):
        read_keys(written(tmp_path / "a", by_bytes()), 399)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tokens": None}, "tokens has no strings"),
        ({"tokens": ["a", "a"], "token_type": np.array([1, 1], np.int32)}, "same token twice"),
        ({"tokens": ["a" * 2000], "token_type": None}, "longest token of 2,000 characters"),
        ({"tokens": ["日"], "token_type": None}, "'日', which is not written in bytes"),
        ({"merges": ["Ġ t", "x"]}, "Merge 2 .* is not a pair of tokens"),
        ({"merges": None}, "merges has no strings"),
        ({"add_bos_token": 1}, "add_bos_token has 1, which is no bool"),
        ({"bos_token_id": "x"}, "bos_token_id has 'x', which is no int"),
        ({"model": "llama"}, "scores has no 400 numbers"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    keys = dict(read_keys(written(tmp_path / "a", by_bytes()), 400))
    for name, value in changes.items():
        keys[f"tokenizer.ggml.{name}"] = value
        if value is None:
            del keys[f"tokenizer.ggml.{name}"]
    back = tmp_path / "b"
    back.mkdir()

    def take() -> None:
        write_files(keys, back, tmp_path / "x.gguf")
        load_tokenizer(back)

    with pytest.raises(TokenizerError, match=said):
        take()


def test_a_vocabulary_built_to_explode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens a, aa, aaa, … have as many ways to be made as the square of their number."""
    monkeypatch.setattr("miniclaude.tokenizer.gguf.MAX_MERGES", 1000)
    tokens = ["a" * n for n in range(1, 60)]
    keys = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": np.zeros(len(tokens), np.float32),
    }
    with pytest.raises(TokenizerError, match="more than 1,000 ways"):
        write_files(keys, tmp_path, tmp_path / "x.gguf")


def test_real_weights_vocabulary(shared_folder: Path, tmp_path: Path) -> None:
    """Llama's manner as llama2.c trained it: the same ids after the way there and back."""
    folder = shared_folder / "models" / "stories260K"
    write_files(read_keys(folder, 512), tmp_path, tmp_path / "x.gguf")
    before, after = load_tokenizer(folder), load_tokenizer(tmp_path)
    for text in TEXTS:
        assert before.encode_prompt(text) == after.encode_prompt(text)
