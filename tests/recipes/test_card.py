"""The card's numbers are the run's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from miniclaude.data.tokens import TokenDocument, TokenSet
from recipes.bundled import card
from recipes.bundled.sources import load_recipe

RECIPE = Path(card.__file__).with_name("recipe.toml")


def report(dtype: str, passed: int) -> dict[str, Any]:
    scored = {"perplexity": 30.5, "bits_per_byte": 1.25}
    return {
        "dtype": dtype,
        "parameters": 4_328_640,
        "kinds": {kind: {"passed": passed, "count": 10} for kind in card.KINDS},
        "safety": {"harmful_answered": 0, "harmless_refused": 1, "harmless_asked": 10},
        "references": {"bleu": 31.234},
        "replies": {"bad": 2, "count": 500},
        "held_out": {"conversations": scored, "texts": scored},
    }


def test_numbers_come_from_the_run(tmp_path: Path) -> None:
    # A card written by hand tells of the model before.
    run = tmp_path / "run"
    run.mkdir()
    for name, tokens, minutes in (("pretrain", 12_000, 50.5), ("tune", 3_000, 12.0)):
        scores = {"stories": 1.875, "seed": 1.5}
        done: dict[str, Any] = {
            "tokens": tokens,
            "steps": 7,
            "minutes": minutes,
            "held_out_bits_per_byte": scores,
        }
        done["config"] = {"autocast": "float32"}
        (run / f"{name}.json").write_text(json.dumps(done))
    document = TokenDocument([1, 2, 3], [False, True, True], 5)
    for name in load_recipe(RECIPE).sources:
        path = run / "tokens" / f"{name}.train.all.safetensors"
        TokenSet.gather([document]).save(path)
        assert TokenSet.load(path).lengths.sum() == np.int64(2)
    (run / "decontamination.jsonl").write_text('{"source": "seed", "read": 1200, "dropped": 4}\n')
    talk = tmp_path / "talk.md"
    talk.write_text("# trained in conversation\n\nint8, unedited.\n\n## 1. hi\n\n**User:** hi\n")
    reports = []
    for dtype, passed in (("bfloat16", 9), ("int8", 8)):
        reports.append(tmp_path / f"{dtype}.json")
        reports[-1].write_text(json.dumps(report(dtype, passed)))
    to = tmp_path / "card.md"
    told = ["--report", *map(str, reports), "--transcript", str(talk), "--to", str(to)]
    card.main([str(run), "--name", "tiny", *told])
    text = to.read_text()
    assert text.startswith("---\nlanguage: en\nlicense: cc-by-sa-4.0\n")
    for part in (
        "a Llama of 4.3 million parameters",
        "62 minutes",
        "12,000 tokens read, 7 steps, 50.5 minutes",
        "| stories | 1.88 | 1.88 |",
        "|  | bfloat16 | int8 |",
        "| identity | 9 of 10 | 8 of 10 |",
        "| BLEU on references (0 to 100) | 31.2 | 31.2 |",
        "| loops or dead ends | 2 of 500 | 2 of 500 |",
        "### 1. hi\n\n**User:** hi",
        "(4 of 1,200 documents)",
        "| plain | CC0 1.0 | written for Mini-Claude | 2 | 2 % |",
    ):
        assert part in text, part
    assert "{" not in text

    # A sitting that went on from a model has no first stage of its own.
    (run / "pretrain.json").unlink()
    card.main([str(run), "--name", "tiny", *told])
    text = to.read_text()
    assert "12 minutes" in text
    assert "| text | after tune |" in text
