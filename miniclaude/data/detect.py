"""Which format a row has, told by its fields, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from miniclaude.data.columns import usual_names
from miniclaude.data.raw import Row
from miniclaude.errors import RowError

SIGNS: tuple[tuple[str, frozenset[str]], ...] = (
    ("preference", frozenset({"preferred_output", "non_preferred_output"})),
    ("preference", frozenset({"chosen", "rejected"})),
    ("kto", frozenset({"kto_tag"})),
    ("kto", frozenset({"prompt", "completion", "label"})),
    ("kto", frozenset({"messages", "label"})),
    ("openai", frozenset({"messages"})),
    ("sharegpt", frozenset({"conversations"})),
    ("alpaca", frozenset({"instruction", "output"})),
    ("prompt-completion", frozenset({"prompt", "completion"})),
    ("question-answer", frozenset({"question", "answer"})),
    ("turns", frozenset({"turns"})),
    ("text", frozenset({"text"})),
)
"""Fields that tell a format, the first that fits decides."""

MESSAGE = frozenset({"role", "content"})
"""Fields of a message, which is no row."""

HALF = {
    "preferred_output": "preference",
    "non_preferred_output": "preference",
    "chosen": "preference",
    "rejected": "preference",
    "instruction": "alpaca",
    "output": "alpaca",
    "question": "question-answer",
    "answer": "question-answer",
    "prompt": "prompt-completion",
    "completion": "prompt-completion",
}
"""A field of a format without the other one that it needs: its reader says which is missing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows with certain fields are read: the format, and columns with other names."""

    format: str
    columns: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    """The format of a source. why: one sentence. columns: those read under another name."""

    format: str
    why: str
    columns: dict[str, str]


def plan_for(names: frozenset[str]) -> Plan | None:
    """How to read a row with fields of these names; None when no format has them."""
    for name, signs in SIGNS:
        if signs <= names:
            return Plan(name, why=" and ".join(sorted(signs)))
    columns = {} if names >= MESSAGE else usual_names(names)
    if columns:
        fields = (names - columns.keys()) | set(columns.values())
        for name, signs in SIGNS:
            if signs <= fields:
                return Plan(name, columns, " and ".join(sorted(columns)))
    for sign, name in HALF.items():
        if sign in names:
            return Plan(name, why=sign)
    return None


def unknown_fields(row: Row) -> RowError:
    """The refusal of a row whose fields no format has."""
    if not row:
        return RowError(
            "The row has no fields.",
            hint="Fill it in, or remove it.",
            code="empty_row",
        )
    named = ", ".join(list(row)[:10])
    if row.keys() >= MESSAGE:
        return RowError(
            "The row is one message, not a conversation.",
            hint='Put the messages of a conversation into one row: {"messages": [{…}, {…}]}.',
            code="missing_messages_list",
        )
    lists = [name for name, value in row.items() if isinstance(value, list) and value]
    if len(row) <= 3 and len(lists) == 1:
        return RowError(
            f"The row's fields are {named}; no format has them.",
            hint=f"If the rows are the items of {lists[0]!r}, save that list as a file of its own.",
            code="missing_messages_list",
        )
    return RowError(
        f"The row's fields are {named}; no format has them.",
        hint="Say which column is which, such as columns question=instruction and"
        " reply=output; or write rows with messages, or with instruction and output.",
        code="missing_messages_list",
    )


def detect(rows: Iterable[Row]) -> Detection | RowError:
    """The format that most of the first rows have. RowError: none of them has one."""
    plans: Counter[str] = Counter()
    examples: dict[str, Plan] = {}
    count = 0
    problem: RowError | None = None
    for row in rows:
        count += 1
        plan = plan_for(frozenset(row))
        if plan is None:
            problem = problem or unknown_fields(row)
            continue
        plans[plan.format] += 1
        examples.setdefault(plan.format, plan)
    if not plans:
        return problem or unknown_fields({})
    name, most = plans.most_common(1)[0]
    plan = examples[name]
    share = f"every one of the first {count} rows" if most == count else f"{most} of {count} rows"
    why = f"{share} {'has' if most == count else 'have'} {plan.why}: {name}"
    if plan.columns:
        why += " (" + ", ".join(f"{c} read as {f}" for c, f in plan.columns.items()) + ")"
    others = [f"{number} {other}" for other, number in plans.most_common()[1:]]
    if others:
        why += f"; the others: {', '.join(others)}; each row is read by the format it has"
    return Detection(name, why + ".", dict(plan.columns))
