"""Names of columns: those asked for put in the place of ours, and the usual other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from miniclaude.data.raw import Row
from miniclaude.errors import DatasetError

FIELDS = frozenset(
    {
        *("messages", "tools", "functions", "conversations", "system", "text", "turns", "kind"),
        *("instruction", "input", "output", "history", "question", "answer", "prompt"),
        *("completion", "chosen", "rejected", "preferred_output", "non_preferred_output"),
        *("kto_tag", "label", "category", "images", "videos", "audios"),
    }
)
"""The fields that the formats know."""

ALIASES: tuple[dict[str, str], ...] = (
    {"instruction": "instruction", "context": "input", "response": "output"},
    {"instruction": "instruction", "response": "output"},
    {"instruction": "instruction", "completion": "output"},
    {"instruction": "instruction", "answer": "output"},
    {"query": "instruction", "response": "output"},
    {"question": "instruction", "response": "output"},
    {"question": "instruction", "output": "output"},
    {"prompt": "instruction", "response": "output"},
    {"prompt": "instruction", "output": "output"},
    {"prompt": "instruction", "answer": "output"},
    {"input": "instruction", "output": "output"},
    {"user": "instruction", "assistant": "output"},
    {"dialogue": "conversations"},
    {"conversation": "conversations"},
    {"content": "text"},
)
"""Other names that data sets use for our fields, the more particular first."""


def usual_names(names: Iterable[str]) -> dict[str, str]:
    """Which of a row's columns stand for which field, by usual names in any case; empty when
    nothing is known of them."""
    lower = {name.lower(): name for name in names}
    for alias in ALIASES:
        if alias.keys() <= lower.keys():
            return {lower[name]: field for name, field in alias.items()}
    return {lower[name]: name for name in lower if name in FIELDS and lower[name] != name}


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise DatasetError unless every column is mapped to a field of its own."""
    for column, field in columns.items():
        if field not in FIELDS:
            raise DatasetError(
                f"The column {column!r} is mapped to {field!r}, which is no field of a row.",
                hint=f"Map it to one of {', '.join(sorted(FIELDS))}.",
                param="columns",
                code="unknown_field",
            )
    fields = list(columns.values())
    twice = [field for field in fields if fields.count(field) > 1]
    if twice:
        raise DatasetError(
            f"Two columns are mapped to {twice[0]!r}.",
            hint="Map each field once.",
            param="columns",
            code="unknown_field",
        )


def renamed(row: Row, columns: Mapping[str, str]) -> Row:
    """The row with mapped columns under their fields' names. A column that has such a name
    without being mapped gives way."""
    taken = set(columns.values())
    kept = {name: value for name, value in row.items() if name not in columns and name not in taken}
    return kept | {field: row[column] for column, field in columns.items() if column in row}
