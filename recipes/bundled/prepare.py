"""From sources to a vocabulary and files of tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from miniclaude.data.augment import join_conversations
from miniclaude.data.example import Example
from miniclaude.data.tokens import TokenDocument, TokenSet, split_text
from miniclaude.messages import Message
from miniclaude.tokenizer.bpe import train
from miniclaude.tokenizer.chat_formats import store_template
from miniclaude.tokenizer.chat_template import encode_training_example
from miniclaude.tokenizer.tokenizer import Tokenizer
from recipes.bundled.decontaminate import Decontaminator, Evaluation, Summary, pieces_of
from recipes.bundled.sources import Document, Recipe, read_source, text_of

JOIN_SEED = 1
LEAST_CHARACTERS = 100_000
CHARACTERS_PER_TOKEN = 5
"""More than a token has, so that nothing is read twice that need not be."""
END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"


def make_tokenizer(recipe: Recipe, data: Path, folder: Path, scale: float) -> None:
    """Learn the vocabulary from its sources, each giving its share of the text."""
    weights = recipe.vocabulary.weights or recipe.pretrain.weights
    texts: list[str] = []
    for name, weight in weights.items():
        share = recipe.vocabulary.characters * scale * weight / sum(weights.values())
        for document, held_out in read_source(recipe.sources[name], data, recipe.path.parent):
            if share <= 0:
                break
            if not held_out:
                texts.append(text_of(document)[: int(share) + 1])
                share -= len(texts[-1])
    special = [END_OF_TEXT, TURN_START, TURN_END]
    bpe = train(texts, recipe.vocabulary.size, special, digits_apart=True)
    bpe.save(folder, eos_token=TURN_END)
    store_template(folder, "chatml-tools")


def tokenise_source(
    recipe: Recipe,
    name: str,
    data: Path,
    folder: Path,
    tokenizer: Tokenizer,
    scale: float,
    evaluation: Evaluation | None = None,
) -> Summary:
    """Write four files, `<folder>/<name>.<split>.<learn>.safetensors`: split is `train` or
    `held-out`; learn is `all` tokens, or the assistant's `replies` (none in plain text).

    evaluation: what no document to train on may share words with. Returns how many did.
    """
    context = recipe.model.context
    byte_lengths = [
        0 if tokenizer.is_special(token) else len(tokenizer.token_bytes(token))
        for token in range(tokenizer.vocab_size)
    ]
    gathered: dict[str, list[TokenDocument]] = defaultdict(list)
    source = recipe.sources[name]
    found = read_source(source, data, recipe.path.parent, scale)
    documents = list(found if scale >= 1 else enough(found, characters_needed(recipe, name, scale)))
    summary = Summary(read=len(documents))
    if evaluation is not None:
        held_out = [pair for pair in documents if pair[1]]
        decontaminator: Decontaminator[tuple[Document, bool]] = Decontaminator(evaluation)
        taught = ((pair, pieces_of(pair[0])) for pair in documents if not pair[1])
        documents = [*decontaminator.kept(taught), *held_out]
        summary = decontaminator.summary
    if source.join:
        documents = joined(documents, source.join, source.rounds)
    for document, apart in documents:
        split = "held-out" if apart else "train"
        if isinstance(document, str):
            end = tokenizer.encode(END_OF_TEXT, special=True)
            ids = tokenizer.encode(document) + end
            gathered[f"{split}.all"] += split_text(ids, byte_lengths, context)
            continue
        for learn, encoded in encode_conversation(document, tokenizer, context).items():
            gathered[f"{split}.{learn}"].append(encoded)
    for kind in ("train.all", "train.replies", "held-out.all", "held-out.replies"):
        TokenSet.gather(gathered[kind]).save(folder / f"{name}.{kind}.safetensors")
    return summary


def characters_needed(recipe: Recipe, name: str, scale: float) -> int:
    """Of a source's text, what a small run can read of it, and some to be held out."""
    shares = (
        stage.tokens * stage.weights.get(name, 0) / sum(stage.weights.values())
        for stage in (recipe.pretrain, recipe.tune)
    )
    return max(LEAST_CHARACTERS, int(CHARACTERS_PER_TOKEN * scale * max(shares)))


def enough(
    documents: Iterable[tuple[Document, bool]], characters: int
) -> Iterator[tuple[Document, bool]]:
    """The first documents, until they have so many characters together."""
    for document, held_out in documents:
        yield document, held_out
        characters -= len(text_of(document))
        if characters <= 0:
            return


def joined(
    documents: list[tuple[Document, bool]], most: int, rounds: int
) -> list[tuple[Document, bool]]:
    """The conversations to train on put together in runs; what is held out stays as it is, and so
    does what begins with a system message or tools, whose place is at the beginning."""
    taught: list[Example] = []
    apart: list[tuple[Document, bool]] = []
    for document, held_out in documents:
        if held_out or isinstance(document, str) or _stays_apart(document):
            apart.append((document, held_out))
        else:
            taught.append(document)
    messages = [example.messages for example in taught]
    runs = join_conversations(messages, most=most, rounds=rounds, seed=JOIN_SEED)
    return [(replace(taught[0], messages=run), False) for run in runs] + apart


def _stays_apart(example: Example) -> bool:
    begins = example.messages[0].role == "system" or bool(example.tools)
    return begins or bool(example.unlearned)


def encode_conversation(
    conversation: Example, tokenizer: Tokenizer, context: int
) -> dict[str, TokenDocument]:
    """A conversation twice: to learn `all` of it, and the `replies` alone.

    Of one too long for the context the last exchanges are left out; empty when the first does not
    fit. The bytes counted are those of what is said, not of the marks between turns.
    """
    messages: tuple[Message, ...] = conversation.messages
    while len(messages) >= 2:
        unlearned = frozenset(n for n in conversation.unlearned if n < len(messages))
        example = encode_training_example(tokenizer, messages, conversation.tools, unlearned)
        if len(example.ids) <= context + 1:
            said = sum(len(message.text.encode()) for message in messages)
            replied = sum(len(m.text.encode()) for m in messages if m.role == "assistant")
            everything = [False] + [True] * (len(example.ids) - 1)
            return {
                "all": TokenDocument(example.ids, everything, said),
                "replies": TokenDocument(example.ids, example.mask, replied),
            }
        last = max(n for n, message in enumerate(messages) if message.role == "user")
        messages = messages[:last]
    return {}
