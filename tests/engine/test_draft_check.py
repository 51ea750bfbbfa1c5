"""Which drafts are refused, and a draft loaded from its folder beside the bundled model."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from miniclaude.engine import draft_check
from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.engine.worker import load
from miniclaude.errors import SettingsError
from miniclaude.model.checkpoint import read_config, save_model
from miniclaude.model.library import Library, bundled_models
from miniclaude.model.transformer import Transformer
from miniclaude.providers.drafts import find_draft
from miniclaude.tokenizer.bpe import train
from tests.engine.tiny import run, tiny_model

BUNDLED = (bundled_models() or Path("none")) / "mini-claude-11m"
bundled = pytest.mark.skipif(not BUNDLED.is_dir(), reason="the package came without a model")


@bundled
def test_greedy_with_a_draft_is_greedy_without(tmp_path: Path) -> None:
    """The bundled model, loaded as the worker loads it; its drafts are a small one with random
    weights, and itself."""
    config = read_config(BUNDLED)
    small = Transformer(replace(config, layers=1, windows=(None,)))
    small.initialise(torch.Generator().manual_seed(0))
    save_model(small, tmp_path / "small")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BUNDLED / file, tmp_path / "small")
    sampling = Sampling(24, temperature=0.0, ignore_eos=True, logprobs=0)
    request = GenerationRequest("a", tuple(range(300, 312)), sampling)
    said = {}
    for name, draft in (("none", None), ("small", tmp_path / "small"), ("itself", BUNDLED)):
        engine, _ = load(EngineSpec(BUNDLED, "cpu", "float32", 1, draft=draft))
        engine.clock = lambda: 0.0
        if engine.guessing.drafter is not None:
            engine.guessing.drafter.clock = lambda: 0.0
        outputs = run(engine, request)
        said[name] = [c.chosen.id for output in outputs for c in output.logprobs]
        if draft is not None:
            assert engine.guessing.counts["draft_proposed"] > 0
    assert len(said["none"]) == 24
    assert said["small"] == said["none"] == said["itself"]


def test_another_vocabulary_is_refused(model_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    save_model(tiny_model(), other)
    for texts, size, what in (
        (["ab"], 257, None),
        (["ab ab ab"], 258, "it has 258 tokens, and the model has 257"),
    ):
        made = train(texts, vocab_size=size, special_tokens=["<|endoftext|>"])
        made.save(other, eos_token="<|endoftext|>")
        spec = EngineSpec(model_folder, "cpu", threads=1, draft=other)
        if what is None:
            engine, _ = load(spec)
            assert engine.guessing.drafter is not None
            continue
        with pytest.raises(SettingsError, match=what) as caught:
            load(spec)
        assert caught.value.param == "draft"
        assert "same family" in (caught.value.hint or "")
    made = train(["ab"], vocab_size=257, special_tokens=["<|other|>"])
    made.save(other, eos_token="<|other|>")
    with pytest.raises(SettingsError, match="draft: other has another vocabulary: token 0 is"):
        load(spec)


def test_a_draft_without_memory_for_it_is_refused(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_check, "free_memory", lambda device: 1000)
    for dtype in ("float32", "int8"):
        with pytest.raises(SettingsError, match=r"bytes beside the model, .* and 1,000 are free"):
            load(EngineSpec(model_folder, "cpu", dtype, 1, draft=model_folder))


def test_a_draft_s_name_is_checked_before_anything_is_loaded(
    model_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "models" / "tiny")
    library = Library(tmp_path / "models")
    assert find_draft(library, "tiny", "large") == tmp_path / "models" / "tiny"
    for name, model, words in (
        ("gone", "tiny", "draft: 'gone' is not installed"),
        ("tiny", "tiny", "draft: 'tiny' is the very model"),
    ):
        with pytest.raises(SettingsError, match=words):
            find_draft(library, name, model)
