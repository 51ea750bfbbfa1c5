"""Our byte-level BPE against the `tokenizers` library: same merges, same ids, same training."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from miniclaude.errors import InvalidRequestError, TokenizerError
from miniclaude.tokenizer.bpe import BPE, byte_alphabet, byte_of_character, train

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

TEXTS = [
    "",
    " ",
    "Hello, world! It's 1789; they've said we'll see. DON'T.",
    "  two  spaces\n\n\n  and\ttabs \t\n trailing   ",
    "naïve café, Straße, Ελληνικά, русский язык, עברית, العربية, हिन्दी",
    "日本語のテキスト。中文字符。한국어 문장.",
    "👩‍👩‍👧‍👦 family 🇩🇪 flag 👍🏽 skin ☕️ e\u0301 combining ½ ² Ⅷ",
    "def f(x):\n    return {'a': [x**2 for _ in range(10)]}  # comment\n\treturn\n",
    "<|endoftext|> <|im_end|> </s> [INST] is only text here",
    "a" * 50 + "ab" * 30 + " " * 33 + "\u00a0\u2003\u3000x\u0000\x1f\x85y",
    "It\u2019s 'quoted' 'll 've've's'S",
]
CORPUS = [
    *(text for text in TEXTS if "<|" not in text),
    "the cat sat on the mat and the dog sat on the log " * 3,
    "banana bandana ananas aaaa aaa aaaaaaa " * 5,
]


@pytest.fixture(scope="module")
def trained() -> BPE:
    return train(CORPUS, 420, SPECIAL)


@pytest.fixture(scope="module")
def gpt2(shared_folder: Path) -> BPE:
    folder = shared_folder / "data" / "gpt2-tokenizer"
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    merges = [(left, right) for left, right in (line.split(" ") for line in lines)]
    return BPE(vocab, merges, ["<|endoftext|>"])


def library_tokenizer(bpe: BPE) -> Tokenizer:
    """The `tokenizers` library on the same vocabulary and merges."""
    tokenizer = Tokenizer(models.BPE(vocab=bpe.vocab, merges=bpe.merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def test_byte_alphabet_is_the_librarys_and_is_invertible() -> None:
    assert set(byte_alphabet().values()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert [byte_of_character()[byte_alphabet()[byte]] for byte in range(256)] == list(range(256))


@pytest.mark.parametrize("text", TEXTS)
def test_ids_equal_the_librarys_for_gpt2(gpt2: BPE, text: str) -> None:
    ids = gpt2.encode(text)
    assert ids == library_tokenizer(gpt2).encode(text).ids
    assert gpt2.decode(ids) == text


def test_ids_equal_the_librarys_for_any_text(gpt2: BPE, trained: BPE) -> None:
    libraries = [(bpe, library_tokenizer(bpe)) for bpe in (gpt2, trained)]

    @settings(max_examples=300)
    @given(st.text() | st.text(alphabet="a b'st\n\t1é.", max_size=40))
    def check(text: str) -> None:
        for bpe, library in libraries:
            ids = bpe.encode(text)
            assert ids == library.encode(text).ids
            assert bpe.decode(ids) == text

    check()


@pytest.mark.parametrize("vocab_size", [259, 260, 300, 420, 5000])
def test_training_learns_the_librarys_merges(vocab_size: int) -> None:
    """Including the tie rule: of pairs equally frequent, the smaller ids first."""
    ours = train(CORPUS, vocab_size, SPECIAL)
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator(CORPUS, trainer)
    state = json.loads(library.to_str())["model"]
    assert ours.vocab == state["vocab"]
    assert ours.merges == [tuple(pair) for pair in state["merges"]]


def test_numbers_can_be_spelt_digit_by_digit() -> None:
    """Where 37 is one token and 73 are two, a small model learns each sum by heart, or none."""
    text = "In 1999 there were 1999 and 37 and 37 of 99 sums. " * 20
    bpe = train([text], 320, digits_apart=True)
    assert not [token for token in bpe.vocab if len(token) > 1 and re.search(r"\d", token)]
    assert [bpe.decode([id]) for id in bpe.encode(" 1999")] == [" ", "1", "9", "9", "9"]
    assert [bpe.decode([id]) for id in bpe.encode(" sums")] == [" sums"]


def test_training_reports_progress_and_stops_when_nothing_repeats() -> None:
    seen: list[tuple[int, int]] = []
    bpe = train(["abc abc"], 1000, progress=lambda done, wanted: seen.append((done, wanted)))
    assert bpe.merges == [("a", "b"), ("ab", "c")]
    assert seen == [(2, 744)]


def test_training_refuses_a_vocabulary_without_room_for_the_bytes() -> None:
    with pytest.raises(TokenizerError, match="Ask for at least 259"):
        train(["text"], 258, SPECIAL)


def test_saved_folder_is_read_by_the_library(trained: BPE, tmp_path: Path) -> None:
    trained.save(tmp_path, eos_token="<|im_end|>")
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in TEXTS:
        library.encode_special_tokens = True
        ids = library.encode(text).ids
        assert ids == trained.encode(text)
        assert library.decode(ids, skip_special_tokens=False) == text
    library.encode_special_tokens = False
    assert library.encode("<|im_start|>").ids == [1]
    assert trained.decode([1, *trained.encode("hi"), 2]) == "<|im_start|>hi<|im_end|>"
    config = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["eos_token"] == "<|im_end|>"


def test_saving_refuses_an_end_token_that_is_ordinary_text(trained: BPE, tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="not one of this tokenizer's special tokens"):
        trained.save(tmp_path, eos_token="</s>")


def test_lone_surrogate_is_refused_by_name(trained: BPE) -> None:
    with pytest.raises(InvalidRequestError, match=r"lone surrogate \(U\+D800\)"):
        trained.encode("ab\ud800")


def test_decoding_half_a_character_gives_the_replacement_character(trained: BPE) -> None:
    assert trained.decode(trained.encode("é")[:1]) in ("\ufffd", "é")
    assert BPE(trained.vocab, []).decode(BPE(trained.vocab, []).encode("é")[:1]) == "\ufffd"
