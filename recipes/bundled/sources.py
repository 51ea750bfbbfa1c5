"""The recipe file, and the documents its sources give."""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from miniclaude.data.clean import is_conversation, join_turns, tidy_document
from miniclaude.data.example import Example, Place
from miniclaude.data.formats import READERS, read_example, require_format
from miniclaude.data.raw import Row
from miniclaude.data.rows import read_rows
from miniclaude.errors import DatasetError, RowError
from miniclaude.messages import Message, text_message
from miniclaude.model.config import ModelConfig
from miniclaude.training.config import BALANCE
from recipes.bundled.generators.table import generate

Document = str | Example
"""A plain text, or a conversation with the tools that it has."""

SENTENCE_END = re.compile(r"[.!?][\"')]*(?=\s|$)")


@dataclass(frozen=True)
class Source:
    """One source as the recipe describes it.

    files: relative to the data folder; `./name` is beside the recipe file. generator: instead of
    files, a name of `generators/table.py` or `all`, with the number of rows to draw and a seed.
    keep: fields of a row and the values that are wanted. unwrap: join broken lines.
    first_characters: of each text, up to a sentence's end. longest_*: characters; longer documents
    are passed over. refuse: a pattern that no document may hold. ask: prompts to which a text is
    the answer. characters: stop after so many, 0 reads all. held_out: percent never trained on.
    join: conversations to train on are put together in runs of up to so many, `rounds` times over.
    """

    name: str
    licence: str
    credit: str
    files: list[str] = field(default_factory=list)
    format: str = "openai"
    generator: str = ""
    rows: int = 0
    seed: int = 1
    keep: Mapping[str, list[object]] = field(default_factory=dict)
    unwrap: bool = False
    first_characters: int = 0
    longest_text: int = 0
    longest_question: int = 0
    longest_reply: int = 0
    refuse: str = ""
    ask: list[str] = field(default_factory=list)
    characters: int = 0
    held_out: int = 0
    join: int = 0
    rounds: int = 1


@dataclass(frozen=True)
class Vocabulary:
    """size: tokens. characters: of text to learn them from. weights: each source's share of it;
    where there are none, those of stage one."""

    size: int
    characters: int
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """The model's sizes, as in ModelConfig; experts in every layer, none unless it says so."""

    context: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    mlp_width: int
    experts: int = 0
    experts_per_token: int = 0
    expert_width: int = 0
    shared_expert_width: int = 0
    norm_topk: bool = False
    qk_norm: bool = False


@dataclass(frozen=True)
class Stage:
    """One stage of training. tokens: positions to read at most, minutes: for at most so long (0:
    however long), both at scale 1. batch: positions a step. weights: each source's share.
    autocast: `auto` is bfloat16 where the machine multiplies it in hardware, else float32. The rest
    is as in TrainingConfig."""

    tokens: int
    batch: int
    weights: Mapping[str, float]
    learning_rate: float
    muon_learning_rate: float = 0.02
    optimizer: Literal["adamw", "muon"] = "adamw"
    autocast: Literal["auto", "float32", "bfloat16"] = "float32"
    weight_decay: float = 0.1
    decay: float = 0.3
    schedule: Literal["trapezoid", "cosine"] = "trapezoid"
    minutes: float = 0.0
    warmup: int = 30
    balance: float = BALANCE


@dataclass(frozen=True)
class PreferenceStage:
    """DPO on the model's own mistakes. prompts: how many of each source's conversations are
    answered. exact: kinds of them with one right answer. epochs: rounds over the pairs found."""

    prompts: Mapping[str, int]
    exact: list[str]
    batch: int
    learning_rate: float
    epochs: int = 1
    beta: float = 0.1
    autocast: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class HeldOut:
    """A kind of text to report on. learn: score `all` tokens, or the assistant's `replies`."""

    sources: list[str]
    learn: Literal["all", "replies"]


@dataclass(frozen=True)
class Recipe:
    """The recipe file, and where it lies."""

    path: Path
    vocabulary: Vocabulary
    model: Shape
    pretrain: Stage
    tune: Stage
    held_out: Mapping[str, HeldOut]
    sources: Mapping[str, Source]
    preference: PreferenceStage | None = None

    def model_config(self, vocab_size: int) -> ModelConfig:
        """The model's shape: a Llama with a tied head."""
        return ModelConfig(
            family="llama",
            vocab_size=vocab_size,
            **asdict(self.model),
            head_dim=self.model.width // self.model.heads,
            norm="rmsnorm",
            norm_eps=1e-5,
            activation="silu",
            gated_mlp=True,
            positions="rotary",
        )


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; one that names a `base` beside it changes some fields of that one's tables.

    Raises DatasetError when it is missing, not TOML, or has an unknown field, and for a source that
    has neither files nor a generator, or both."""
    try:
        content = read_tables(path)
        recipe = Recipe(
            path=path,
            vocabulary=Vocabulary(**content["vocabulary"]),
            model=Shape(**content["model"]),
            pretrain=Stage(**content["pretrain"]),
            tune=Stage(**content["tune"]),
            held_out={kind: HeldOut(**values) for kind, values in content["held_out"].items()},
            sources={name: Source(name, **values) for name, values in content["source"].items()},
            preference=(
                PreferenceStage(**content["preference"]) if "preference" in content else None
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is not a recipe: {error}.", hint="Compare it with recipes/bundled/recipe.toml."
        ) from error
    for source in recipe.sources.values():
        if bool(source.files) == bool(source.generator) or bool(source.generator) != (
            source.rows > 0
        ):
            raise DatasetError(
                f"{path}: source {source.name!r} needs either files, or a generator and rows.",
                hint='Write files = ["FILE"], or generator = "all" and rows = 20000.',
            )
    return recipe


def read_tables(path: Path) -> dict[str, Any]:
    """A recipe's tables; those that its `base` has and it does not are its base's. Raises OSError,
    ValueError."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    base = content.pop("base", "")
    return changed(read_tables(path.parent / base), content) if base else content


def changed(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table with some fields changed, in tables inside it too."""
    return {**whole} | {
        name: changed(whole.get(name, {}), value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }


def read_source(
    source: Source, data: Path, recipe_folder: Path, scale: float = 1.0
) -> Iterator[tuple[Document, bool]]:
    """Each distinct document of a source, cleaned, and whether it is held out.

    scale: below 1, the part of `characters` to read, or of `rows` to draw. Raises DatasetError
    naming file and line.
    """
    limit = source.characters * scale
    seen: set[int] = set()
    total = 0
    documents = (
        generated(source, scale) if source.generator else selected(source, data, recipe_folder)
    )
    for document in documents:
        text = text_of(document)
        # A story is held out alike whether it is told as a text or as an answer.
        asked = isinstance(document, Example) and source.ask
        distinct = document.messages[-1].text if asked else text  # type: ignore[union-attr]
        digest = zlib.crc32(distinct.encode("utf-8", "replace"))
        if digest in seen:
            continue
        seen.add(digest)
        total += len(text)
        yield document, digest % 100 < source.held_out
        if limit and total > limit:
            return


def selected(source: Source, data: Path, recipe_folder: Path) -> Iterator[Document]:
    """The documents of a source's files that pass its filters. Raises DatasetError."""
    for name in source.files:
        path = recipe_folder / name if name.startswith("./") else data / name
        for number, row in read_rows(path):
            try:
                document = select(source, row, number)
            except DatasetError as error:
                raise DatasetError(
                    f"{path}, line {number}: {error.message}", hint=error.hint, param=error.param
                ) from error
            if document is not None:
                yield document


def generated(source: Source, scale: float) -> Iterator[Document]:
    """The documents that a source's generator makes. Raises DatasetError for an unknown one."""
    for number, row in enumerate(generate(source.generator, int(source.rows * scale), source.seed)):
        yield read_example(row, Place(source.name, number + 1, "row"), "openai")


def text_of(document: Document) -> str:
    """All that is said in a document."""
    if isinstance(document, str):
        return document
    return "\n".join(_said(message) for message in document.messages)


def _said(message: Message) -> str:
    calls = (
        f'<tool_call>{{"name": "{call.name}", "arguments": {call.arguments}}}</tool_call>'
        for call in message.tool_calls
    )
    return "".join((message.text, *calls))


def select(source: Source, row: Row, number: int) -> Document | None:
    """The row as a clean document, or None when the source's filters pass it over."""
    if any(row.get(name) not in wanted for name, wanted in source.keep.items()):
        return None
    require_format(source.format)
    try:
        example = READERS[source.format](row, Place(source.name, number, "row"))
    except RowError as error:
        if error.code == "missing_content":  # somebody says nothing
            return None
        raise
    tidy = tidy_document(example.messages or example.text, unwrapped=source.unwrap)
    document: Document = tidy if isinstance(tidy, str) else replace(example, messages=tidy)
    if source.refuse and re.search(source.refuse, text_of(document)):
        return None
    if isinstance(document, str):
        return select_text(source, document, str(row.get("title", "")), number)
    if not (document.tools or document.unlearned):
        document = replace(document, messages=join_turns(document.messages))
        if not is_conversation(document.messages):
            return None
    for message in document.messages:
        longest = source.longest_reply if message.role == "assistant" else source.longest_question
        if longest and len(message.text) > longest:
            return None
    return document


def select_text(source: Source, text: str, title: str, number: int) -> Document | None:
    """A text within the source's bounds, or the conversation that asks for it."""
    if source.first_characters:
        ends = [match.end() for match in SENTENCE_END.finditer(text, 0, source.first_characters)]
        text = text[: ends[-1]] if ends else ""
    if not text or (source.longest_text and len(text) > source.longest_text):
        return None
    if not source.ask:
        return text
    prompt = source.ask[number % len(source.ask)].format(title=title)
    messages = (text_message("user", prompt), text_message("assistant", text))
    return Example(Place(source.name, number, "row"), messages)
