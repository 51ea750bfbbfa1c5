"""The recipe file, and the documents its sources give."""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from miniclaude.data.clean import is_conversation, join_turns, tidy_document
from miniclaude.data.formats import Document, read_document
from miniclaude.data.raw import Row
from miniclaude.data.rows import read_rows
from miniclaude.errors import DatasetError, RowError
from miniclaude.messages import text_message
from miniclaude.model.config import ModelConfig
from miniclaude.training.config import BALANCE

SENTENCE_END = re.compile(r"[.!?][\"')]*(?=\s|$)")


@dataclass(frozen=True)
class Source:
    """One source as the recipe describes it.

    files: relative to the data folder; `./name` is beside the recipe file.
    keep: fields of a row and the values that are wanted. unwrap: join broken lines.
    first_characters: of each text, up to a sentence's end. longest_*: characters; longer documents
    are passed over. refuse: a pattern that no document may hold. ask: prompts to which a text is
    the answer. characters: stop after so many, 0 reads all. held_out: percent never trained on.
    join: conversations to train on are put together in runs of up to so many, `rounds` times over.
    """

    name: str
    files: list[str]
    format: str
    licence: str
    credit: str
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
    """size: tokens. characters: of text to learn them from."""

    size: int
    characters: int


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


@dataclass(frozen=True)
class Stage:
    """One stage of training. tokens: positions to read at most, minutes: for at most so long, both
    at scale 1. batch: positions a step. weights: each source's share. The rest is as in
    TrainingConfig."""

    tokens: int
    minutes: float
    batch: int
    weights: Mapping[str, float]
    learning_rate: float
    muon_learning_rate: float = 0.02
    optimizer: Literal["adamw", "muon"] = "adamw"
    autocast: Literal["float32", "bfloat16"] = "float32"
    weight_decay: float = 0.1
    decay: float = 0.3
    balance: float = BALANCE


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
    """Read a recipe. Raises DatasetError when it is missing, not TOML, or has an unknown field."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return Recipe(
            path=path,
            vocabulary=Vocabulary(**content["vocabulary"]),
            model=Shape(**content["model"]),
            pretrain=Stage(**content["pretrain"]),
            tune=Stage(**content["tune"]),
            held_out={kind: HeldOut(**values) for kind, values in content["held_out"].items()},
            sources={name: Source(name, **values) for name, values in content["source"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is not a recipe: {error}.", hint="Compare it with recipes/bundled/recipe.toml."
        ) from error


def read_source(
    source: Source, data: Path, recipe_folder: Path, scale: float = 1.0
) -> Iterator[tuple[Document, bool]]:
    """Each distinct document of a source, cleaned, and whether it is held out.

    scale: below 1, the part of `characters` to read. Raises DatasetError naming file and line.
    """
    limit = source.characters * scale
    seen: set[int] = set()
    total = 0
    for name in source.files:
        path = recipe_folder / name if name.startswith("./") else data / name
        for number, row in read_rows(path):
            try:
                document = select(source, row, number)
            except DatasetError as error:
                raise DatasetError(
                    f"{path}, line {number}: {error.message}", hint=error.hint, param=error.param
                ) from error
            if document is None:
                continue
            text = text_of(document)
            # A story is held out alike whether it is told as a text or as an answer.
            distinct = document[-1].text if isinstance(document, tuple) and source.ask else text
            digest = zlib.crc32(distinct.encode("utf-8", "replace"))
            if digest in seen:
                continue
            seen.add(digest)
            total += len(text)
            yield document, digest % 100 < source.held_out
            if limit and total > limit:
                return


def text_of(document: Document) -> str:
    """All that is said in a document."""
    if isinstance(document, str):
        return document
    return "\n".join(message.text for message in document)


def select(source: Source, row: Row, number: int) -> Document | None:
    """The row as a clean document, or None when the source's filters pass it over."""
    if any(row.get(name) not in wanted for name, wanted in source.keep.items()):
        return None
    try:
        document = read_document(row, source.format)
    except RowError as error:
        if error.code == "missing_content":  # somebody says nothing
            return None
        raise
    document = tidy_document(document, unwrapped=source.unwrap)
    if source.refuse and re.search(source.refuse, text_of(document)):
        return None
    if isinstance(document, str):
        return select_text(source, document, str(row.get("title", "")), number)
    document = join_turns(document)
    if not is_conversation(document):
        return None
    for message in document:
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
    return (text_message("user", prompt), text_message("assistant", text))
