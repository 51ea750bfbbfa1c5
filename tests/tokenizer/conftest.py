"""Model folders with real vocabularies, and tiny ones made here."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sentencepiece

from miniclaude.tokenizer.bpe import train

CORPUS = [
    "user: what is the weather like today? assistant: the weather is fine, thank you. " * 4,
    "the system says: answer in short sentences. you are a helpful assistant. " * 4,
    "Größe, 天気はどうですか, 🙂 emoji and \n\n newlines \t tabs  " * 3,
]
CHATML_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA3_TOKENS = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
]


def edit_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    value.update(changes)
    value = {key: item for key, item in value.items() if item is not None}
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def chatml_folder(tmp_path: Path) -> Path:
    """A tiny byte-level vocabulary with ChatML's tokens, as the training recipe saves it."""
    folder = tmp_path / "chatml"
    train(CORPUS, 400, CHATML_TOKENS).save(folder, eos_token="<|im_end|>")
    return folder


@pytest.fixture
def llama3_folder(tmp_path: Path) -> Path:
    """A tiny byte-level vocabulary with the special tokens of Llama 3's kind, BOS added."""
    folder = tmp_path / "llama3"
    bpe = train(CORPUS, 400, LLAMA3_TOKENS)
    bpe.save(folder, eos_token="<|eot_id|>", bos_token="<|begin_of_text|>")
    bos = {"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}
    entry = {"id": "<|begin_of_text|>", "ids": [0], "tokens": ["<|begin_of_text|>"]}
    processor = {
        "type": "TemplateProcessing",
        "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {"<|begin_of_text|>": entry},
    }
    edit_json(folder / "tokenizer.json", post_processor=processor)
    return folder


@pytest.fixture
def gpt2_folder(shared_folder: Path, tmp_path: Path) -> Path:
    """GPT-2's real vocabulary as DialoGPT ships it: vocab.json, merges.txt and config.json."""
    source, folder = shared_folder / "data" / "gpt2-tokenizer", tmp_path / "gpt2"
    folder.mkdir()
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(source / name, folder / name)
    edit_json(folder / "config.json", bos_token_id=50256, eos_token_id=50256)
    return folder


@pytest.fixture
def gpt2_json_folder(shared_folder: Path, tmp_path: Path) -> Path:
    """GPT-2's real tokenizer.json, alone."""
    folder = tmp_path / "gpt2-json"
    folder.mkdir()
    packed = shared_folder / "data" / "gpt2-tokenizer" / "tokenizer.json.gz"
    (folder / "tokenizer.json").write_bytes(gzip.decompress(packed.read_bytes()))
    return folder


@pytest.fixture
def stories_folder(shared_folder: Path) -> Path:
    """A small real SentencePiece-style tokenizer.json."""
    return shared_folder / "models" / "stories260K"


@pytest.fixture(scope="session")
def llama2_model(shared_folder: Path) -> Path:
    """Llama 2's real SentencePiece model."""
    return shared_folder / "data" / "llama2-tokenizer" / "tokenizer.model"


@pytest.fixture(scope="session")
def llama2_folder(llama2_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Llama 2's real vocabulary as a tokenizer.json: every piece that is two pieces is a merge,
    the better piece first."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(llama2_model))
    vocab = {pieces.id_to_piece(n): n for n in range(pieces.get_piece_size())}
    merges = []
    for piece, token_id in vocab.items():
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocab and right in vocab:
                rank = (-pieces.get_score(token_id), vocab[left], vocab[right])
                merges.append((rank, [left, right]))
    special = ["<unk>", "<s>", "</s>"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    prepend = {"type": "Prepend", "prepend": "▁"}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    decoders = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]
    definition = {
        "version": "1.0",
        "added_tokens": [
            {"id": vocab[token], "content": token, "special": True, **flags} for token in special
        ],
        "normalizer": {"type": "Sequence", "normalizers": [prepend, replace]},
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": vocab,
            "merges": [pair for _, pair in sorted(merges)],
        },
    }
    folder = tmp_path_factory.mktemp("llama2")
    (folder / "tokenizer.json").write_text(json.dumps(definition), encoding="utf-8")
    edit_json(
        folder / "tokenizer_config.json",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        add_bos_token=True,
    )
    return folder
