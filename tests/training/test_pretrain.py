"""From text to a model folder, in either family, going on after an interruption."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from miniclaude.data import tokens
from miniclaude.data.example import Example, Place
from miniclaude.errors import CheckpointError, DatasetError
from miniclaude.messages import text_message
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training import pretrain as module
from miniclaude.training.pretrain import (
    SIZES,
    PretrainSpec,
    Size,
    export,
    model_config,
    pretrain,
    text_identity,
    whole_texts,
)
from miniclaude.training.run_log import RunLog
from tests.training.tiny import after

TEXT = "The cat sat on the mat and looked at a bird. The bird sang to the cat, and all was well. "


@pytest.fixture(autouse=True)
def smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    """`tiny` still takes a minute; this takes none."""
    monkeypatch.setitem(SIZES, "tiny", Size(16, 1, 2, 1, 32, 300, 64, 32, 0.01))


def examples() -> Iterator[Example]:
    for line in range(1, 9):
        yield Example(Place("a.txt", line, "paragraph"), text=TEXT * line)
    messages = (text_message("user", "Who sang?"), text_message("assistant", "The bird."))
    yield Example(Place("b.jsonl", 1), messages)


def quiet() -> RunLog:
    return RunLog(terminal=io.StringIO())


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_text_becomes_a_model_that_can_be_loaded_and_asked(tmp_path: Path, family: str) -> None:
    spec = PretrainSpec(family=family, steps=8, optimizer="adamw")  # type: ignore[arg-type]
    whole, result = pretrain(examples, spec, tmp_path / "whole", log=quiet())
    assert result.ended == "finished"
    assert set(result.held_out) == {"loss", "bits_per_byte"}
    _, paused = pretrain(examples, spec, tmp_path / "parts", log=quiet(), control=after(3))
    assert (paused.ended, paused.steps) == ("paused", 3)
    parts, _ = pretrain(examples, spec, tmp_path / "parts", log=quiet())
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)

    export(whole, tmp_path / "whole", tmp_path / "model", "# Card\n")
    model = load_model(tmp_path / "model")
    tokenizer = load_tokenizer(tmp_path / "model")
    ids = encode_chat(tokenizer, [text_message("user", "Who sang?")])
    assert model(torch.tensor([ids])).shape == (1, len(ids), tokenizer.vocab_size)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["model_type"] == family
    assert len(config["eos_token_id"]) == 2


def test_a_run_of_another_shape_is_refused(tmp_path: Path) -> None:
    spec = PretrainSpec(steps=1)
    pretrain(examples, spec, tmp_path, log=quiet())
    with pytest.raises(CheckpointError, match="was begun with family llama, not gpt2"):
        pretrain(examples, replace(spec, family="gpt2"), tmp_path, log=quiet())


def test_a_run_on_another_text_is_refused(tmp_path: Path) -> None:
    """The tokens of the first text were there already, so the second was never looked at: a model
    of the wrong book, and nothing said so."""
    book, other = tmp_path / "book.txt", tmp_path / "other.txt"
    book.write_text(TEXT)
    other.write_text(TEXT[::-1])
    spec, run = PretrainSpec(steps=1), tmp_path / "run"
    pretrain(examples, spec, run, log=quiet(), text=text_identity([str(book)]))
    pretrain(examples, spec, run, log=quiet(), text=text_identity([str(book)]))
    for changed in ([str(other)], [str(book), str(other)], [str(tmp_path)]):
        with pytest.raises(CheckpointError, match="was begun with another text"):
            pretrain(examples, spec, run, log=quiet(), text=text_identity(changed))


def test_a_run_killed_while_it_writes_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file of tokens, once there, was taken for a whole one and refused for ever."""

    def dies(arrays: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    spec = PretrainSpec(steps=1)
    with monkeypatch.context() as patched:
        patched.setattr(tokens, "save_file", dies)
        with pytest.raises(KeyboardInterrupt):
            pretrain(examples, spec, tmp_path, log=quiet())
    _, result = pretrain(examples, spec, tmp_path, log=quiet())
    assert result.ended == "finished"


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no text to train on"):
        pretrain(lambda: iter([]), PretrainSpec(steps=1), tmp_path, log=quiet())


def test_paragraphs_of_a_file_are_read_as_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a novel would be thousands of texts that end after a sentence."""
    monkeypatch.setattr(module, "LONGEST_TEXT", 10)
    given = [Example(Place("a.txt", n, "paragraph"), text="x" * 4) for n in range(1, 5)]
    given.append(Example(Place("b.txt", 1, "paragraph"), text="other file"))
    given.append(Example(Place("c.jsonl", 1), text="a row"))
    given.append(Example(Place("c.jsonl", 2), text="another"))
    texts = [example.text for example in whole_texts(given)]
    assert texts == ["xxxx\n\nxxxx\n\nxxxx", "xxxx", "other file", "a row", "another"]


@pytest.mark.parametrize(
    ("family", "low", "high"), [("gpt2", 124e6, 125e6), ("llama", 110e6, 135e6)]
)
def test_gpt2_small_has_its_size_in_either_family(family: str, low: float, high: float) -> None:
    from miniclaude.model.transformer import Transformer

    spec = PretrainSpec(size="gpt2-small", family=family)  # type: ignore[arg-type]
    with torch.device("meta"):
        model = Transformer(model_config(spec, 50257))
    assert low < sum(parameter.numel() for parameter in model.parameters()) < high
