"""Loading real and tiny vocabularies, and every way a folder can be wrong."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library

from miniclaude.errors import InvalidRequestError, PayloadTooLargeError, TokenizerError
from miniclaude.tokenizer import files, tokenizer
from miniclaude.tokenizer.load import check_vocabulary, load_tokenizer
from tests.tokenizer.conftest import edit_json
from tests.tokenizer.test_bpe import TEXTS


def test_gpt2_from_merges_equals_the_library(gpt2_folder: Path, gpt2_json_folder: Path) -> None:
    ours = load_tokenizer(gpt2_folder)
    library = Library.from_file(str(gpt2_json_folder / "tokenizer.json"))
    library.encode_special_tokens = True
    for text in TEXTS:
        assert ours.encode(text) == library.encode(text).ids
        assert ours.decode(ours.encode(text)) == text
    assert (ours.vocab_size, ours.bos_id, ours.eos_ids) == (50257, 50256, (50256,))
    assert ours.encode_prompt("Hi") == ours.encode("Hi")


def test_no_text_has_fewer_tokens_than_is_said(chatml_folder: Path, tmp_path: Path) -> None:
    """Who is refused by the fewest tokens that a text can have must not be refused wrongly, where a
    normal form joins characters or a template cuts spaces off."""
    composing = tmp_path / "composing"
    shutil.copytree(chatml_folder, composing)
    edit_json(composing / "tokenizer.json", normalizer={"type": "NFKC"})
    hard = ["e\u0301" * 99, "-" * 999, " " * 999, "the weather " * 99, "\u1100\u1161\u11a8" * 99]
    plain = load_tokenizer(chatml_folder)
    for ours in (plain, load_tokenizer(composing)):
        for text in [*TEXTS, *hard]:
            assert ours.least_tokens(text) <= len(ours.encode(text.strip()))
    assert plain.least_tokens("hello " * 1_000) == 5_000 // len("<|endoftext|>"), "the longest"


def test_nothing_is_said_where_many_characters_may_be_one_unknown_token(
    stories_folder: Path,
) -> None:
    assert load_tokenizer(stories_folder).least_tokens("hello " * 1_000) == 0


def test_gpt2_json_and_merges_are_one_vocabulary(gpt2_folder: Path, gpt2_json_folder: Path) -> None:
    one, other = load_tokenizer(gpt2_folder), load_tokenizer(gpt2_json_folder)
    assert one.vocab_size == other.vocab_size
    assert other.eos_ids == (50256,)
    for text in TEXTS:
        assert one.encode(text, special=True) == other.encode(text, special=True)


def test_llama2_ids_equal_sentencepiece(llama2_folder: Path, llama2_model: Path) -> None:
    ours = load_tokenizer(llama2_folder)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(llama2_model))

    @settings(max_examples=200, suppress_health_check=list(HealthCheck))
    @given(st.text(max_size=60) | st.sampled_from(TEXTS))
    def check(text: str) -> None:
        # SentencePiece gives no token for U+2581, its own sign for a space, and none for "".
        text = text.replace("▁", "") or "x"
        ids = ours.encode(text)
        assert ids == pieces.encode(text)
        assert ours.decode(ids) == text

    check()
    assert (ours.vocab_size, ours.bos_id, ours.eos_ids) == (32000, 1, (2,))
    assert ours.encode_prompt("Hi") == [1, *pieces.encode("Hi")]


def test_stories_tokenizer_equals_the_library(stories_folder: Path) -> None:
    ours = load_tokenizer(stories_folder)
    library = Library.from_file(str(stories_folder / "tokenizer.json"))
    for text in ("Once upon a time", "  two spaces", "naïve 🙂\n", "a </s> b", "<s>a"):
        assert ours.encode(text, special=True) == library.encode(text, add_special_tokens=False).ids
        library.encode_special_tokens = True
        assert ours.encode(text) == library.encode(text, add_special_tokens=False).ids
        library.encode_special_tokens = False
        assert ours.encode_prompt("x") == library.encode("x").ids
        assert ours.decode(ours.encode(text)) == text


def test_special_tokens_are_written_only_on_purpose(chatml_folder: Path) -> None:
    ours = load_tokenizer(chatml_folder)
    text = "a<|im_end|>b<|endoftext|>"
    ids = ours.encode(text)
    assert not any(map(ours.is_special, ids))
    assert ours.decode(ids) == text
    written = ours.encode(text, special=True)
    assert [i for i in written if ours.is_special(i)] == [2, 0]
    assert ours.decode(written) == "ab"
    assert ours.decode(written, skip_special=False) == text


def test_merges_cannot_spell_a_special_token(llama2_folder: Path, tmp_path: Path) -> None:
    """Llama 2's pieces include `<s` and `>`: their merge would be the token `<s>`."""
    shutil.copytree(llama2_folder, tmp_path / "copy")
    path = tmp_path / "copy" / "tokenizer.json"
    definition = json.loads(path.read_text(encoding="utf-8"))
    definition["model"]["vocab"]["<s"] = 32000
    definition["model"]["merges"] = [["<", "s"], ["<s", ">"]]
    path.write_text(json.dumps(definition), encoding="utf-8")
    assert 1 not in load_tokenizer(path.parent).encode("<s>")


def test_unmarked_control_tokens_count_as_special(chatml_folder: Path) -> None:
    """Some folders list `<|im_end|>` with `special: false`; it must not be writable by a user."""
    path = chatml_folder / "tokenizer.json"
    definition = json.loads(path.read_text(encoding="utf-8"))
    for entry in definition["added_tokens"]:
        entry["special"] = False
    path.write_text(json.dumps(definition), encoding="utf-8")
    assert 2 not in load_tokenizer(chatml_folder).encode("<|im_end|>")


@pytest.mark.parametrize(
    "name", ["chatml_folder", "gpt2_folder", "stories_folder", "llama2_folder"]
)
def test_token_bytes_join_to_the_text(name: str, request: pytest.FixtureRequest) -> None:
    """The detokeniser relies on it, also where a character is spread over several tokens."""
    ours = load_tokenizer(request.getfixturevalue(name))
    for text in TEXTS:
        ids = ours.encode(text)
        joined = b"".join(map(ours.token_bytes, ids))
        space = b" " if ours.strips_leading_space and text else b""
        assert joined == space + text.encode()
        assert ours.decode_bytes(ids) == text.encode()


def test_ids_without_a_token_have_no_bytes(chatml_folder: Path) -> None:
    """A model may pad its embedding, and sample one of the padding rows."""
    ours = load_tokenizer(chatml_folder)
    assert ours.token_bytes(ours.vocab_size + 5) == b""
    assert ours.token_text(ours.vocab_size + 5) == ""


def test_metaspace_decoder_is_understood(stories_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(stories_folder, tmp_path / "copy")
    decoder = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    edit_json(
        tmp_path / "copy" / "tokenizer.json",
        normalizer=None,
        pre_tokenizer=decoder,
        decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, decoder]},
    )
    ours = load_tokenizer(tmp_path / "copy")
    assert ours.strips_leading_space
    assert ours.decode(ours.encode("a time")) == "a time"


def test_bos_and_eos_come_from_all_the_files_that_know(llama3_folder: Path) -> None:
    edit_json(llama3_folder / "generation_config.json", eos_token_id=[1, 4])
    edit_json(llama3_folder / "config.json", eos_token_id=1, bos_token_id=0)
    ours = load_tokenizer(llama3_folder)
    assert ours.eos_ids == (4, 1)
    assert ours.bos_id == 0
    assert ours.encode_prompt("hi") == [0, *ours.encode("hi")]


def test_special_tokens_map_and_added_tokens_are_read(chatml_folder: Path) -> None:
    (chatml_folder / "tokenizer_config.json").unlink()
    eos = {"content": "<|im_end|>", "lstrip": False}
    edit_json(chatml_folder / "special_tokens_map.json", eos_token=eos)
    vocab_size = load_tokenizer(chatml_folder).vocab_size
    extra = {str(vocab_size): {"content": "<extra>", "special": True}}
    edit_json(chatml_folder / "tokenizer_config.json", added_tokens_decoder=extra)
    ours = load_tokenizer(chatml_folder)
    assert ours.eos_ids == (2,)
    assert ours.encode("<extra>", special=True) == [vocab_size]


def test_additional_special_tokens_and_added_tokens_json(gpt2_folder: Path) -> None:
    edit_json(gpt2_folder / "added_tokens.json", **{"[SEP]": 50257})
    edit_json(gpt2_folder / "special_tokens_map.json", additional_special_tokens=["[SEP]"])
    ours = load_tokenizer(gpt2_folder)
    assert ours.vocab_size == 50258
    assert ours.is_special(50257)
    assert ours.encode("a[SEP]b", special=True)[1:-1] == [50257]
    assert 50257 not in ours.encode("a[SEP]b")


def test_unigram_vocabulary(tmp_path: Path) -> None:
    """SentencePiece's other model: a list of pieces with scores."""
    pieces = [["<unk>", 0.0], ["</s>", 0.0], ["▁a", -1.0], ["b", -2.0], ["</", -3.0], ["s>", -3.0]]
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}
    edit_json(
        tmp_path / "tokenizer.json",
        version="1.0",
        added_tokens=[],
        pre_tokenizer=metaspace,
        decoder=metaspace,
        model={"type": "Unigram", "unk_id": 0, "vocab": pieces},
    )
    edit_json(tmp_path / "tokenizer_config.json", eos_token="</s>")
    ours = load_tokenizer(tmp_path)
    assert ours.eos_ids == (1,)
    assert ours.encode("ab</s>") == [2, 3, 4, 5]
    assert ours.encode("ab</s>", special=True) == [2, 3, 1]
    assert ours.decode([2, 3, 1]) == "ab"


def test_model_with_a_smaller_embedding_is_refused(chatml_folder: Path) -> None:
    ours = load_tokenizer(chatml_folder)
    check_vocabulary(ours, ours.vocab_size + 48, chatml_folder)
    with pytest.raises(TokenizerError, match="embeds only 100"):
        check_vocabulary(ours, 100, chatml_folder)


def test_lone_surrogate_is_a_bad_request(chatml_folder: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"lone surrogate \(U\+DC00\)"):
        load_tokenizer(chatml_folder).encode("a\udc00")


def test_too_long_a_text_is_refused(chatml_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "MAX_TEXT", 10)
    with pytest.raises(PayloadTooLargeError, match="at most 10"):
        load_tokenizer(chatml_folder).encode("a" * 11)


def test_other_threads_run_while_a_long_text_is_encoded(chatml_folder: Path) -> None:
    """A message of megabytes, encoded in a worker thread, must not stop the server's event loop
    (and with it every other request) until it is done."""
    ours = load_tokenizer(chatml_folder)
    worker = threading.Thread(target=ours.encode, args=("the weather is fine, " * 20_000,))
    worker.start()
    beats = 0
    while worker.is_alive():
        beats += 1
        time.sleep(0)
    assert beats > 100


def test_missing_folder_and_missing_files(tmp_path: Path, llama2_model: Path) -> None:
    with pytest.raises(TokenizerError, match="no model folder"):
        load_tokenizer(tmp_path / "absent")
    with pytest.raises(TokenizerError, match=r"neither tokenizer\.json nor vocab\.json"):
        load_tokenizer(tmp_path)
    shutil.copyfile(llama2_model, tmp_path / "tokenizer.model")
    with pytest.raises(TokenizerError, match=r"Convert it once with transformers: AutoTokenizer"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"model": {"vocab": {"a": 0, "b"', r"tokenizer\.json is not valid JSON .* truncated"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "no JSON object"),
        (b"[" * 100_000, "not valid JSON"),
        (b"{}", "no vocabulary"),
        (b'{"model": {"vocab": {"a": "x"}}}', "the id 'x'"),
        (b'{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1}]}', "without content"),
        (b'{"model": {"vocab": {"a": 0}}}', "decodes with .* not implemented"),
        (b'{"model": {"vocab": {"a": 0}}, "decoder": {"type": "ByteLevel"}}', "cannot be built"),
    ],
)
def test_broken_tokenizer_json_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(TokenizerError, match=message) as caught:
        load_tokenizer(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


def test_oversized_file_is_refused(chatml_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1000)
    with pytest.raises(TokenizerError, match="more than 1,000 bytes"):
        load_tokenizer(chatml_folder)


def test_contradictions_are_refused(chatml_folder: Path) -> None:
    path = chatml_folder / "tokenizer.json"
    whole = path.read_text(encoding="utf-8")

    definition = json.loads(whole)
    definition["model"]["merges"].append(["q", "€"])
    path.write_text(json.dumps(definition), encoding="utf-8")
    with pytest.raises(TokenizerError, match="names '€', which is not in its vocabulary"):
        load_tokenizer(chatml_folder)

    definition = json.loads(whole)
    definition["model"]["merges"].append("three of them")
    path.write_text(json.dumps(definition), encoding="utf-8")
    with pytest.raises(TokenizerError, match="'three of them', is not a pair"):
        load_tokenizer(chatml_folder)

    definition = json.loads(whole)
    definition["added_tokens"][0]["id"] = 7
    path.write_text(json.dumps(definition), encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"'<\|endoftext\|>' with the id 7"):
        load_tokenizer(chatml_folder)

    path.write_text(whole, encoding="utf-8")
    edit_json(chatml_folder / "tokenizer_config.json", eos_token="</s>")
    with pytest.raises(TokenizerError, match="eos_token '</s>' is not in the vocabulary"):
        load_tokenizer(chatml_folder)


def test_broken_merges_txt_is_named_with_its_line(gpt2_folder: Path) -> None:
    path = gpt2_folder / "merges.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join([*lines[:5], "alone"]), encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"merges\.txt, line 6: 'alone' is not a pair"):
        load_tokenizer(gpt2_folder)
