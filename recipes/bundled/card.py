"""The model's card, from what its making left in the run folder.

    python -m recipes.bundled.card RUN --name mini-claude-11m --report float.json int8.json \\
        --transcript newcomer.md --to docs/bundled-model.md

The numbers are read from the stages' and evaluations' own files; the words are those of `card.md`,
which a person mends after having talked with the model.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from miniclaude.data.tokens import TokenSet
from recipes.bundled.export import GENERATION
from recipes.bundled.sources import Recipe, load_recipe

HERE = Path(__file__).parent
STAGES = {
    "pretrain": "every token of text and talk",
    "tune": "the assistant's replies, and plain text",
}
KINDS = (
    *("identity", "arithmetic", "passages", "passages-unanswerable", "memory", "format"),
    *("facts", "not-knowing", "harmful", "harmless"),
)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def stages_of(run: Path) -> list[str]:
    """The stages that the run has been through: one that went on from a model has no first."""
    return [name for name in STAGES if (run / f"{name}.json").exists()]


def making(recipe: Recipe, run: Path, machine: str) -> str:
    """Shape, stages and time."""
    shape, vocabulary = recipe.model, recipe.vocabulary
    rows = [
        (
            "shape",
            f"{shape.layers} layers, width {shape.width}, {shape.heads} heads sharing"
            f" {shape.kv_heads} key/value, SwiGLU {shape.mlp_width}, RMSNorm, rotary positions,"
            f" tied head, context {shape.context}",
        ),
        ("vocabulary", f"{vocabulary.size:,} tokens, byte-level BPE learnt from the same text"),
    ]
    products = ""
    for name in stages_of(run):
        what = STAGES[name]
        done = _json(run / f"{name}.json")
        products = str(done["config"]["autocast"])
        rows.append(
            (
                name,
                f"{what}: {done['tokens']:,} tokens read, {done['steps']:,} steps,"
                f" {done['minutes']} minutes",
            )
        )
    if (run / "preference.json").exists():
        done = _json(run / "preference.json")
        pairs = len((run / "preference.jsonl").read_text(encoding="utf-8").splitlines())
        rows.append(
            (
                "preference",
                f"DPO on {pairs:,} of its own mistakes: {done['steps']:,} steps,"
                f" {done['minutes']} minutes",
            )
        )
    rows.append(
        (
            "optimizer",
            "Muon for the matrices in the blocks, AdamW elsewhere; warm-up, plateau, linear decay;"
            f" {products} products, float32 weights",
        )
    )
    rows.append(("machine", machine or trained_on(run)))
    return table(("", ""), rows)


def trained_on(run: Path) -> str:
    """The device of the run's last stage."""
    done = _json(run / f"{stages_of(run)[-1]}.json")
    device = str(done.get("device", "cpu"))
    return f"{done.get('threads')} threads of a CPU" if device == "cpu" else f"one {device}"


def bits(run: Path) -> str:
    """Held-out bits per byte after each stage."""
    preferred = ["preference"] if (run / "preference.json").exists() else []
    stages = [*stages_of(run), *preferred]
    scores = [_json(run / f"{name}.json")["held_out_bits_per_byte"] for name in stages]
    rows = [(kind, *(f"{score[kind]:.2f}" for score in scores)) for kind in scores[0]]
    return table(("text", *(f"after {name}" for name in stages)), rows)


def evaluation(reports: Sequence[Mapping[str, Any]]) -> str:
    """The suite's rates, one column a report."""
    rows: list[tuple[str, ...]] = []
    for kind in KINDS:
        found = [report["kinds"][kind] for report in reports]
        label = {"harmful": "harm refused", "harmless": "harmless, answered"}.get(kind, kind)
        rows.append((label, *(f"{one['passed']} of {one['count']}" for one in found)))
    safety = [report["safety"] for report in reports]
    rows.append(("harmful answers", *(str(one["harmful_answered"]) for one in safety)))
    refused = (f"{one['harmless_refused']} of {one['harmless_asked']}" for one in safety)
    rows.append(("harmless, refused", *refused))
    rows.append(("BLEU on references (0 to 100)", *(_of(reports, "references", "bleu", ".1f"))))
    replies = [report["replies"] for report in reports]
    rows.append(("loops or dead ends", *(f"{r['bad']} of {r['count']}" for r in replies)))
    for kind, label in (("conversations", "chat turns"), ("texts", "texts")):
        scores = [report["held_out"][kind] for report in reports]
        rows.append((f"perplexity, {label}", *(f"{one['perplexity']:.1f}" for one in scores)))
        rows.append((f"bits per byte, {label}", *(f"{one['bits_per_byte']:.2f}" for one in scores)))
    return table(("", *(str(report["dtype"]) for report in reports)), rows)


def data(recipe: Recipe, run: Path) -> str:
    """Every source with its licence, its tokens, and its share of the run's stages; those of other
    stages too, for the model that a run went on from has read them."""
    names = stages_of(run)
    stages = [getattr(recipe, name) for name in names]
    rows = []
    for name, source in recipe.sources.items():
        if not any(name in getattr(recipe, stage).weights for stage in STAGES):
            continue
        shares = [stage.weights.get(name, 0) / sum(stage.weights.values()) for stage in stages]
        tokens = TokenSet.load(run / "tokens" / f"{name}.train.all.safetensors").lengths.sum()
        told = [f"{share:.0%}".replace("%", " %") if share else "" for share in shares]
        rows.append((name, source.licence, source.credit, f"{tokens:,}", *told))
    return table(("source", "licence", "credit", "tokens there", *names), rows)


def transcript(text: str) -> str:
    """The conversations of a transcript, without its own head, one heading deeper."""
    return re.sub("^## ", "### ", text[text.index("## ") :], flags=re.MULTILINE).strip()


def make_card(
    recipe: Recipe, run: Path, name: str, reports: Sequence[Path], talk: Path, machine: str
) -> str:
    """The whole card. Raises OSError for a file that a stage did not leave."""
    read = [_json(path) for path in reports]
    left_out = [json.loads(line) for line in _lines(run / "decontamination.jsonl")]
    said = talk.read_text(encoding="utf-8")
    stages = [path for path in run.glob("*.json") if path.stem in (*STAGES, "preference")]
    millions = read[0]["parameters"] / 1e6
    values = {
        "name": name or f"mini-claude-{millions:.0f}m",
        "millions": f"{millions:.1f}",
        "minutes": f"{sum(_json(path)['minutes'] for path in stages):.0f}",
        "making": making(recipe, run, machine),
        "bits": bits(run),
        "evaluation": evaluation(read),
        "talks": str(said.count("\n## ")),
        "temperature": str(GENERATION["temperature"]),
        "top_p": str(GENERATION["top_p"]),
        "transcript": transcript(said),
        "contaminated": f"{sum(one['dropped'] for one in left_out):,}",
        "read": f"{sum(one['read'] for one in left_out):,}",
        "data": data(recipe, run),
    }
    words = (HERE / "card.md").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], words)


def _of(reports: Sequence[Mapping[str, Any]], part: str, key: str, form: str) -> list[str]:
    return [format(report[part][key], form) for report in reports]


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="recipes.bundled.card", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--recipe", type=Path, default=HERE / "recipe.toml")
    parser.add_argument("--name", default="", help="mini-claude-<millions>m when left out")
    parser.add_argument("--report", type=Path, nargs="+", required=True, help="of mini-claude eval")
    parser.add_argument("--transcript", type=Path, required=True)
    parser.add_argument("--machine", default="", help="in place of what the run says of itself")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args(arguments)
    card = make_card(
        load_recipe(options.recipe),
        options.run,
        options.name,
        options.report,
        options.transcript,
        options.machine,
    )
    options.to.write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
