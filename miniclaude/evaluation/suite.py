"""Suites: files of rows that a model is measured by. What a row is for is told by its keys:

pass        a check: `messages` to answer, and the rules that the answer is to follow
reference   `messages` to answer, and the answer that BLEU compares with
opening     what a person may say first, for sampled replies
turns       what a person says, turn by turn, for a transcript
messages    alone: a conversation that was held out; the assistant's turns are scored
text        a text that was held out; all of it is scored
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from miniclaude.data.conversation import read_messages, require_answer
from miniclaude.data.rows import read_rows
from miniclaude.errors import DatasetError, RowError
from miniclaude.evaluation.rules import check_rules
from miniclaude.messages import Message, text_message

BUNDLED = "bundled"
"""What `--suite` calls the one that comes with the package."""
ENDINGS = (".jsonl", ".json")
MAX_ROWS = 100_000
LONGEST = 160
"""Tokens of an answer, where its row says nothing."""
MOST_TOKENS = 4_096
KEYS: dict[str, frozenset[str]] = {
    "pass": frozenset({"id", "kind", "messages", "tools", "pass", "sampled", "max_tokens"}),
    "reference": frozenset({"id", "kind", "messages", "reference", "max_tokens"}),
    "opening": frozenset({"id", "kind", "opening"}),
    "turns": frozenset({"id", "kind", "turns"}),
    "messages": frozenset({"id", "kind", "messages"}),
    "text": frozenset({"id", "kind", "text"}),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One question and the rules of its answer. tools: by name. sampled: as people get it, with a
    seed, instead of the likeliest answer. max_tokens: of each answer, tool calls too."""

    id: str
    kind: str
    messages: tuple[Message, ...]
    rules: Mapping[str, Any]
    tools: tuple[str, ...] = ()
    sampled: bool = False
    max_tokens: int = LONGEST

    @property
    def request(self) -> str:
        """What the user said last."""
        return next((one.text for one in reversed(self.messages) if one.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Reference:
    """One question and an answer to compare with."""

    id: str
    kind: str
    messages: tuple[Message, ...]
    answer: str
    max_tokens: int = LONGEST


@dataclass(frozen=True, slots=True)
class Suite:
    """All rows of some files, in their order. digest: another for other rows."""

    names: tuple[str, ...]
    digest: str
    checks: tuple[Check, ...] = ()
    references: tuple[Reference, ...] = ()
    openings: tuple[str, ...] = ()
    scripts: tuple[tuple[str, ...], ...] = ()
    conversations: tuple[tuple[Message, ...], ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Rows:
    checks: list[Check] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    openings: list[str] = field(default_factory=list)
    scripts: list[tuple[str, ...]] = field(default_factory=list)
    conversations: list[tuple[Message, ...]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def read_suite(sources: Iterable[str], tools: Iterable[str] = ()) -> Suite:
    """The rows of each source: `bundled`, a file, or a folder with files that end in .jsonl or
    .json. tools: the names of those there are.

    Raises DatasetError for a source that is not there or holds no rows, and, with file and line,
    for a row that is none of a suite's.
    """
    known = frozenset(tools)
    names = tuple(dict.fromkeys(sources))
    rows, digest, ids = _Rows(), sha256(), set[str]()
    count = 0
    for path in (path for name in names for path in _files(name)):
        try:
            with path.open("rb") as file:
                digest.update(file_digest(file, sha256).digest())
        except OSError as error:
            raise DatasetError(
                f"suite: {path} cannot be read: {error.strerror or error}.",
                hint="Give a file of rows, a folder of them, or `bundled`.",
                param="suite",
            ) from error
        for line, row in read_rows(path):
            count += 1
            if count > MAX_ROWS:
                raise DatasetError(
                    f"suite: {path} goes beyond {MAX_ROWS:,} rows.",
                    hint="Measure with fewer; a thousand tell enough.",
                    param="suite",
                )
            try:
                _add(rows, dict(row), f"{path.stem}-{line}", known, ids)
            except RowError as error:
                raise DatasetError(
                    f"{path}, line {line}: {error.message}", hint=error.hint, param="suite"
                ) from error
    if not count:
        raise DatasetError(
            f"suite: {', '.join(names)} holds no rows.",
            hint="Give a file of rows, a folder of them, or `bundled`.",
            param="suite",
        )
    return Suite(
        tuple(Path(name).name for name in names),
        digest.hexdigest()[:16],
        *(tuple(getattr(rows, name)) for name in _Rows.__slots__),
    )


def bundled_suite() -> Path:
    """The folder of the suite that comes with the package."""
    return Path(__file__).resolve().parent / "suites" / BUNDLED


def _files(name: str) -> Iterator[Path]:
    path = bundled_suite() if name == BUNDLED and not Path(name).exists() else Path(name)
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.suffix in ENDINGS)
        if not found:
            raise DatasetError(
                f"suite: no file in {path} ends in .jsonl or .json.",
                hint="Put rows there, one JSON object a line.",
                param="suite",
            )
        yield from found
        return
    if not path.exists():
        raise DatasetError(
            f"suite: there is no {path}.",
            hint="Give a file of rows, a folder of them, or `bundled`.",
            param="suite",
        )
    yield path


def _add(
    rows: _Rows, row: dict[str, Any], spare: str, known: frozenset[str], ids: set[str]
) -> None:
    """Put a row where it belongs. spare: its id, where it has none."""
    purpose = next((key for key in KEYS if key in row), None)
    if purpose is None:
        raise RowError(
            f"no row of a suite has only {', '.join(map(repr, row)) or 'nothing'}.",
            hint=f"Give it one of {', '.join(KEYS)}.",
        )
    unknown = [key for key in row if key not in KEYS[purpose]]
    if unknown:
        raise RowError(
            f"a row with {purpose!r} has no key {unknown[0]!r}.",
            hint=f"Its keys are {', '.join(sorted(KEYS[purpose]))}.",
        )
    name = _text(row, "id", spare)
    if name in ids:
        raise RowError(f"the id {name!r} is used twice.", hint="Give every row an id of its own.")
    ids.add(name)
    kind = _text(row, "kind", "other")
    match purpose:
        case "pass":
            tools = _tools(row.get("tools", []), known)
            sampled = row.get("sampled", False)
            if not isinstance(sampled, bool):
                raise RowError(f"sampled is {sampled!r}.", hint="It must be true or false.")
            rules = check_rules(row["pass"])
            asked = _question(row)
            limit = _limit(row)
            rows.checks.append(Check(name, kind, asked, rules, tools, sampled, limit))
        case "reference":
            answer = _text(row, "reference")
            rows.references.append(Reference(name, kind, _question(row), answer, _limit(row)))
        case "opening":
            rows.openings.append(_text(row, "opening"))
        case "turns":
            turns = row["turns"]
            if not isinstance(turns, list) or not turns:
                raise RowError("turns is no list of texts.", hint='Write "turns": ["Hi!", "…"].')
            rows.scripts.append(tuple(_text({"turns": one}, "turns") for one in turns))
        case "messages":
            messages, _ = read_messages(row["messages"])
            require_answer(messages)
            rows.conversations.append(messages)
        case "text":
            rows.texts.append(_text(row, "text"))


def _question(row: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages up to where the assistant should speak; text alone is one of the user."""
    value = row.get("messages")
    if isinstance(value, str) and value.strip():
        return (text_message("user", value),)
    messages, _ = read_messages(value)
    if messages[-1].role not in ("user", "tool"):
        raise RowError(
            f"messages end with the {messages[-1].role}; a question ends with the user.",
            hint="Remove the answer: the model is to write it.",
        )
    return messages


def _text(row: Mapping[str, Any], key: str, otherwise: str | None = None) -> str:
    value = row.get(key, otherwise)
    if not isinstance(value, str) or not value.strip():
        raise RowError(f"{key} is {value!r}, not a text.", hint=f'Write "{key}": "…".')
    return value


def _limit(row: Mapping[str, Any]) -> int:
    value = row.get("max_tokens", LONGEST)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_TOKENS:
        raise RowError(
            f"max_tokens is {value!r}.", hint=f"It must be a number from 1 to {MOST_TOKENS:,}."
        )
    return value


def _tools(value: object, known: frozenset[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RowError("tools is no list of names.", hint='Write "tools": ["calculator"].')
    missing = [one for one in value if one not in known]
    if missing:
        there = ", ".join(sorted(known)) or "none"
        raise RowError(f"there is no tool {missing[0]!r}.", hint=f"There is: {there}.")
    return tuple(value)
