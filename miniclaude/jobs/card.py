"""The card that travels with a tuned model: what it is, what it was made of, how well it does."""

from __future__ import annotations

from collections.abc import Mapping

from miniclaude.data.prepared import PreparedDataset
from miniclaude.jobs.order import JobOrder
from miniclaude.training.spec import TuneSpec

WAYS = {
    "lora": "low-rank adapters (LoRA) on a frozen base",
    "qlora": "low-rank adapters (LoRA) on a frozen, quantised base",
    "full": "training of every weight",
}
AIMS = {
    "supervised": "imitating answers",
    "dpo": "preferring one answer to another (DPO)",
    "kto": "telling good answers from bad ones (KTO)",
}


def make_card(
    order: JobOrder,
    spec: TuneSpec,
    dataset: PreparedDataset,
    facts: Mapping[str, str],
    metrics: Mapping[str, float],
    verdict: str,
) -> str:
    """README.md with the fields that model hubs read. The licence is left to its owner: it depends
    on the base's and on that of the rows."""
    library = "transformers" if spec.method == "full" else "peft"
    lines = [
        "---",
        f"base_model: {order.base}",
        f"library_name: {library}",
        "pipeline_tag: text-generation",
        "tags:",
        "- mini-claude",
        *([] if spec.method == "full" else ["- lora"]),
        "---",
        "",
        f"# {order.suffix or order.base + ', tuned'}",
        "",
        f"`{order.fine_tuned_model}`: {order.base}, tuned with Mini-Claude by {WAYS[spec.method]},"
        f" for {AIMS[spec.objective]}.",
        "",
        "## How well it does",
        "",
        verdict or "Nothing was held out to measure it on.",
        "",
        "## How it was made",
        "",
        "| | |",
        "|---|---|",
        f"| Rows | {dataset.count('train'):,} to learn from, {dataset.count('validation'):,} held"
        " out |",
        f"| Fingerprint of the rows | `{dataset.fingerprint}` |",
        *(f"| {name} | {value} |" for name, value in facts.items()),
        *(f"| {name.replace('_', ' ')} | {value:g} |" for name, value in metrics.items()),
        "",
        "Whoever publishes this names a licence: that of the base and of the rows both count.",
    ]
    return "\n".join(lines) + "\n"
