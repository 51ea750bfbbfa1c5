"""Rows a second: reading each form of file, and conversations to tokens.

    python benchmarks/reading.py [--rows 50000]

The rows are made here, two messages of some 15 words. For reading, the floor is `json.loads` on
the same lines; encoding is with the bundled model's tokenizer, through its own chat format
(rendered in this process) and through a model folder's template (rendered in its own process).
Best of three. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

import polars

from miniclaude.data.example import Example
from miniclaude.data.reading import read_examples
from miniclaude.tokenizer.chat_formats import CHATML
from miniclaude.tokenizer.chat_template import encode_training_examples
from miniclaude.tokenizer.load import load_tokenizer

FOREIGN = "{# not one of ours #}" + CHATML.template


def best(work: Callable[[], Iterable[object]]) -> float:
    """Items a second of the fastest of three runs."""
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        count = sum(1 for _ in work())
        rates.append(count / (time.perf_counter() - start))
    return max(rates)


def make_files(folder: Path, count: int) -> list[Path]:
    """The same conversations in five forms."""
    chance = random.Random(1)  # words, not secrets
    words = ["".join(chance.choices("abcdefghijkl", k=chance.randint(2, 9))) for _ in range(5_000)]
    pairs = [
        (" ".join(chance.choices(words, k=10)), " ".join(chance.choices(words, k=20)))
        for _ in range(count)
    ]
    openai = [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]}
        for q, a in pairs
    ]
    alpaca = [{"instruction": q, "input": "", "output": a} for q, a in pairs]
    sharegpt = [
        {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]}
        for q, a in pairs
    ]
    for name, rows in (("openai", openai), ("alpaca", alpaca), ("sharegpt", sharegpt)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines)
    (folder / "alpaca.json").write_text(json.dumps(alpaca, indent=1))
    polars.DataFrame(alpaca).write_csv(folder / "alpaca.csv")
    polars.DataFrame(openai).write_parquet(folder / "openai.parquet")
    return sorted(folder.iterdir())


def main() -> None:
    """Measure, print a table, end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    count = parser.parse_args().rows
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_files(folder, count)
        for path in paths:
            results[f"read {path.name}"] = best(lambda path=path: read_examples(path))  # type: ignore[misc]
        lines = (folder / "openai.jsonl").read_bytes().splitlines()
        results["json.loads of openai.jsonl"] = best(lambda: map(json.loads, lines))
        examples = [
            item for item in read_examples(folder / "openai.jsonl") if isinstance(item, Example)
        ]
        examples = examples[: count // 10]
        model = folder / "model"
        model.mkdir()
        bundled = Path(str(files("miniclaude") / "bundled" / "mini-claude-11m"))
        for file in bundled.glob("*.json*"):
            (model / file.name).write_bytes(file.read_bytes())
        for kind, source in (("own", bundled / "chat_template.jinja"), ("foreign", None)):
            text = source.read_text() if source else FOREIGN
            (model / "chat_template.jinja").write_text(text)
            tokenizer = load_tokenizer(model)
            encode = best(lambda t=tokenizer: encode_training_examples(t, examples))  # type: ignore[misc]
            results[f"encode, {kind} template"] = encode
    for what, rate in results.items():
        print(f"{what:30} {rate:12,.0f} rows/s")
    print(json.dumps({"rows": count, **{what: round(rate) for what, rate in results.items()}}))


if __name__ == "__main__":
    main()
