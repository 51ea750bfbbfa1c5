"""The card (README.md) that a published model carries: its front matter, as far as we need it.

Front matter is YAML, of which we read and write only `key: value` lines of the top level; the rest
of a card is left as its author wrote it.
"""

from __future__ import annotations

import re
from pathlib import Path

from miniclaude.errors import InvalidRequestError
from miniclaude.model.library import InstalledModel

FENCE = "---"
LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
"""As the hub names them: `apache-2.0`, `mit`, `cc0-1.0`, `other`."""


def read_card(path: Path) -> str:
    """A card as text: people write them in any encoding, so what is no UTF-8 becomes U+FFFD."""
    return path.read_text(encoding="utf-8", errors="replace")


def licence_of(card: str) -> str | None:
    """The licence that a card names."""
    for line in _front_matter(card):
        name, colon, value = line.partition(":")
        if colon and name == "license":
            return value.strip().strip("\"'") or None
    return None


def with_licence(card: str, licence: str) -> str:
    """The card under that licence. Raises InvalidRequestError for what is no licence's name."""
    if not LICENCE.fullmatch(licence):
        raise InvalidRequestError(
            f"licence: {licence[:64]!r} is not a licence's name.",
            hint="Use the hub's short names, such as apache-2.0, mit, cc-by-4.0, cc0-1.0 or other.",
            param="licence",
        )
    kept = [line for line in _front_matter(card) if not line.startswith("license:")]
    head = "\n".join([FENCE, *kept, f"license: {licence}", FENCE])
    return f"{head}\n{_body(card)}"


def plain_card(model: InstalledModel) -> str:
    """A card for a model that came without one: no more than its folder says."""
    lines = [FENCE, "pipeline_tag: text-generation", "tags:", "- mini-claude"]
    made = "It came without a card."
    experts = "" if model.adapter is not None else about_experts(model.path)
    if experts:
        lines.append("- moe")
        made = f"{made} {experts}"
    if model.tuned is not None:
        lines.insert(1, f"base_model: {model.tuned.base}")
        how = f"Tuned from {model.tuned.base} with Mini-Claude, by {model.tuned.method}."
        made = f"{how} {experts}".rstrip()
    return "\n".join([*lines, FENCE, "", f"# {model.name}", "", made, ""])


def about_experts(folder: Path) -> str:
    """A sentence about the experts of the model in a folder; empty where it has none."""
    from miniclaude.model.checkpoint import read_config  # takes torch, which a card has no use for

    config = read_config(folder)
    if not config.experts:
        return ""
    return (
        f"Of {config.experts} experts a layer, {config.experts_per_token} compute a token:"
        f" {config.idle_parameters:,} parameters are left out for each."
    )


def quantized_card(card: str, name: str, base: str, bits: int, cost: str | None) -> str:
    """The card of a packed copy: the original's, if it had one, and what was done to it.

    cost: what it costs, in a sentence; None where nobody has measured it.
    """
    own = ("base_model:", "base_model_relation:")
    kept = [line for line in _front_matter(card) if not line.startswith(own)]
    head = [FENCE, *kept, f"base_model: {base}", "base_model_relation: quantized", FENCE]
    scale = "a scale for each row" if bits == 8 else "a scale for each 64 weights"
    what = (
        f"This is {base} with its weights in {bits} bits ({scale}), made by `mini-claude models"
        " quantize`. Mini-Claude maps it into memory and answers with it on the CPU; it cannot be"
        f" tuned. {cost or 'What that costs in quality was not measured.'}"
    )
    body = _body(card).strip() or f"# {name}"
    return "\n".join([*head, "", body, "", f"## Quantised: {name}", "", what, ""])


def _front_matter(card: str) -> list[str]:
    lines = card.splitlines()
    if not lines or lines[0].strip() != FENCE or FENCE not in lines[1:]:
        return []
    return lines[1 : lines.index(FENCE, 1)]


def _body(card: str) -> str:
    lines = card.splitlines()
    if not lines or lines[0].strip() != FENCE or FENCE not in lines[1:]:
        return "\n" + card
    return "\n".join([*lines[lines.index(FENCE, 1) + 1 :], ""])
