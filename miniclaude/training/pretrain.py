"""A model from nothing but text: vocabulary, tokens, training, a model folder that can chat.

Every stage leaves its result in the run's folder and is passed over when it is there, so the same
call goes on after an interruption.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from miniclaude.data.batches import Batch
from miniclaude.data.example import Example
from miniclaude.data.tokens import TokenDocument, TokenSet, split_text
from miniclaude.errors import CheckpointError, DatasetError, MiniClaudeError
from miniclaude.model.checkpoint import save_model
from miniclaude.model.config import ModelConfig
from miniclaude.model.new_file import write_whole
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.bpe import train as train_bpe
from miniclaude.tokenizer.chat_formats import store_template
from miniclaude.tokenizer.chat_template import encode_training_examples
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.config import TrainingConfig
from miniclaude.training.held_out import mean_loss
from miniclaude.training.loop import TrainResult, Wish, train
from miniclaude.training.losses import Supervised
from miniclaude.training.packing import PackedBatches, pack_epochs
from miniclaude.training.run_log import RunLog
from miniclaude.training.tokenise import byte_lengths

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
VOCABULARY_CHARACTERS = 4_000_000
"""How much of the text the vocabulary is learnt from."""
LONGEST_TEXT = 200_000
HELD_OUT_EVERY = 50
"""One piece of text in so many is never trained on."""
BEGINNING = 1 << 20
"""Bytes of a file by which it is known again."""
UNLIMITED = 1_000_000
"""Steps of a run that ends by the clock."""


@dataclass(frozen=True, slots=True)
class Size:
    """A model's measures, by the names of ModelConfig. vocabulary: tokens at most. batch: positions
    a step; forward: of them in one forward."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    context: int
    vocabulary: int
    batch: int
    forward: int
    learning_rate: float


SIZES = {
    "tiny": Size(128, 4, 4, 2, 256, 2048, 4096, 4096, 4e-3),
    "small": Size(320, 6, 5, 5, 512, 8192, 8192, 4096, 3e-3),
    "gpt2-small": Size(768, 12, 12, 12, 1024, 50257, 16384, 4096, 1e-3),
    "gpt2-medium": Size(1024, 24, 16, 16, 1024, 50257, 16384, 4096, 6e-4),
}
"""Of either family; the last two are those of Radford et al. 2019."""


@dataclass(frozen=True, slots=True)
class PretrainSpec:
    """family: how the model is built. steps: optimizer steps; 0 leaves it to `minutes`.
    optimizer: as in TrainingConfig. learning_rate: 0 takes the size's own."""

    size: str = "tiny"
    family: Literal["gpt2", "llama"] = "llama"
    steps: int = 0
    minutes: float = 10.0
    optimizer: Literal["adamw", "muon"] = "muon"
    learning_rate: float = 0.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = 1


def model_config(spec: PretrainSpec, vocab_size: int) -> ModelConfig:
    """The size in the family's shape: GPT-2's learned positions, LayerNorm, GELU and biases, or
    Llama's rotary positions, RMSNorm and SwiGLU of about as many parameters."""
    size = SIZES[spec.size]
    llama = spec.family == "llama"
    gated_width = math.ceil(size.width * 8 / 3 / 64) * 64
    return ModelConfig(
        family=spec.family,
        vocab_size=vocab_size,
        context=size.context,
        width=size.width,
        layers=size.layers,
        heads=size.heads,
        kv_heads=size.kv_heads if llama else size.heads,
        head_dim=size.width // size.heads,
        mlp_width=gated_width if llama else 4 * size.width,
        norm="rmsnorm" if llama else "layernorm",
        norm_eps=1e-5,
        activation="silu" if llama else "gelu_tanh",
        gated_mlp=llama,
        positions="rotary" if llama else "learned",
        qkv_bias=not llama,
        out_bias=not llama,
        mlp_bias=not llama,
    )


def make_tokenizer(texts: Iterable[str], size: int, folder: Path, log: RunLog) -> None:
    """Learn a byte-level vocabulary, with ChatML's special tokens and template."""
    sample: list[str] = []
    left = VOCABULARY_CHARACTERS
    for text in texts:
        sample.append(text[:left])
        left -= len(sample[-1])
        if not left:
            break
    log.say(f"Learning a vocabulary of at most {size:,} tokens …")
    bpe = train_bpe(sample, size, [END_OF_TEXT, TURN_START, TURN_END])
    draft = folder.with_name(f"{folder.name}.partial")
    bpe.save(draft, eos_token=TURN_END)
    store_template(draft, "chatml")
    draft.rename(folder)


def documents_of(
    examples: Iterable[Example], tokenizer: Tokenizer, context: int
) -> Iterator[TokenDocument]:
    """Everything is learnt: texts to their end, conversations as they are served."""
    sizes = byte_lengths(tokenizer).tolist()
    end = tokenizer.encode(END_OF_TEXT, special=True)
    for example in whole_texts(examples):
        if example.messages:
            [encoded] = encode_training_examples(tokenizer, [example])
            if isinstance(encoded, MiniClaudeError):
                continue
            ids = encoded.ids
        else:
            ids = tokenizer.encode(example.text) + end
        yield from split_text(ids, sizes, context)


def whole_texts(examples: Iterable[Example]) -> Iterator[Example]:
    """Paragraphs of one file put together again, so that a model sees more than one at a time; at
    most LONGEST_TEXT characters, and one paragraph more. Everything else as it is."""
    parts: list[Example] = []
    length = 0
    for example in examples:
        follows = (
            example.place.unit == "paragraph"
            and bool(parts)
            and parts[0].place.file == example.place.file
            and length < LONGEST_TEXT
        )
        if parts and not follows:
            yield replace(parts[0], text="\n\n".join(part.text for part in parts))
            parts, length = [], 0
        if example.messages:
            yield example
            continue
        parts.append(example)
        length += len(example.text)
    if parts:
        yield replace(parts[0], text="\n\n".join(part.text for part in parts))


def make_tokens(
    examples: Iterable[Example], tokenizer: Tokenizer, context: int, folder: Path
) -> None:
    """Write `train.safetensors` and `held-out.safetensors`.

    Raises DatasetError when there is too little to train on.
    """
    parts: tuple[list[TokenDocument], list[TokenDocument]] = ([], [])
    for number, document in enumerate(documents_of(examples, tokenizer, context)):
        parts[number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1].append(document)
    if not parts[0]:
        raise DatasetError(
            "There is no text to train on.", hint="Give files of text, some pages at least."
        )
    if not parts[1] and len(parts[0]) > 1:
        parts[1].append(parts[0].pop())
    for name, documents in zip(("held-out", "train"), reversed(parts), strict=True):
        TokenSet.gather(documents).save(folder / f"{name}.safetensors")


class Rounds:
    """The same batches again and again, each round in a new order; as many as asked for."""

    def __init__(self, documents: TokenSet, size: int, count: int, seed: int) -> None:
        self._batches = PackedBatches(documents, pack_epochs(documents.lengths, size=size))
        self._count, self._seed = count, seed
        self._round, self._order = -1, np.arange(0)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Batch:
        """Batch `number` of the run."""
        turn, place = divmod(number, len(self._batches))
        if turn != self._round:
            generator = np.random.default_rng((self._seed, turn))
            self._round, self._order = turn, generator.permutation(len(self._batches))
        return self._batches[int(self._order[place])]


def pretrain(
    examples: Callable[[], Iterable[Example]],
    spec: PretrainSpec,
    run: Path,
    *,
    log: RunLog,
    device: torch.device | str = "cpu",
    control: Callable[[], Wish] | None = None,
    text: str = "",
) -> tuple[Transformer, TrainResult]:
    """Train a model of the spec on all the examples' text, going on with what is in `run`.

    examples: gives them from the first, each time it is called. text: which text that is, such as
    `text_identity` of its files. Raises DatasetError, CheckpointError when `run` holds another
    model or text, DiskFullError.
    """
    size = SIZES[spec.size]
    run.mkdir(parents=True, exist_ok=True)
    _require_same(run / "spec.json", spec, text)
    if not (run / "tokenizer").is_dir():
        make_tokenizer(_texts(examples()), size.vocabulary, run / "tokenizer", log)
    tokenizer = load_tokenizer(run / "tokenizer")
    if not (run / "train.safetensors").exists():
        make_tokens(examples(), tokenizer, size.context, run)
    taught, held_out = (TokenSet.load(run / f"{n}.safetensors") for n in ("train", "held-out"))
    model = Transformer(model_config(spec, tokenizer.vocab_size))
    model.initialise(torch.Generator().manual_seed(spec.seed))
    model.to(device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    log.say(
        f"{parameters:,} parameters, {tokenizer.vocab_size:,} tokens in the vocabulary,"
        f" {int(taught.lengths.sum()):,} tokens of text"
    )
    config = training_config(spec)
    count = config.steps * config.accumulate
    result = train(
        model,
        Rounds(taught, size.forward, count, spec.seed),
        config,
        folder=run / "checkpoints",
        identity={"text": taught.fingerprint},
        evaluate=_bits_per_byte(held_out, spec) if len(held_out) else None,
        log=log,
        control=control,
    )
    return model, result


def training_config(spec: PretrainSpec) -> TrainingConfig:
    """The loop's configuration."""
    size = SIZES[spec.size]
    return TrainingConfig(
        steps=spec.steps or UNLIMITED,
        minutes=0.0 if spec.steps else spec.minutes,
        accumulate=size.batch // size.forward,
        optimizer=spec.optimizer,
        learning_rate=spec.learning_rate or size.learning_rate,
        warmup=min(100, spec.steps // 10) if spec.steps else 30,
        autocast=spec.precision,
        evaluate_every=200,
        checkpoint_every=50,
        seed=spec.seed,
    )


def export(model: Transformer, run: Path, folder: Path, card: str) -> None:
    """Write the model folder: weights in bfloat16, tokenizer, template, what ends an answer."""
    tokenizer = load_tokenizer(run / "tokenizer")
    [end_of_text] = tokenizer.encode(END_OF_TEXT, special=True)
    ends = [*tokenizer.eos_ids, end_of_text]
    generation = {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "eos_token_id": ends}
    (run / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    (run / "README.md").write_text(card, encoding="utf-8")
    companions = [run / "tokenizer" / name for name in TOKENIZER_FILES]
    companions += [run / "generation_config.json", run / "README.md"]
    save_model(
        model.to(torch.bfloat16),
        folder,
        extra_config={"eos_token_id": ends},
        companions=companions,
        overwrite=True,
    )


def _texts(examples: Iterable[Example]) -> Iterator[str]:
    for example in examples:
        yield example.text or "\n".join(message.text for message in example.messages)


def _bits_per_byte(
    held_out: TokenSet, spec: PretrainSpec
) -> Callable[[Transformer], dict[str, float]]:
    """The held-out loss a token, and a byte, which compares models of different vocabularies."""
    chosen = pack_epochs(held_out.lengths, size=SIZES[spec.size].forward)
    loss = mean_loss(Supervised(), PackedBatches(held_out, chosen), spec.precision)
    tokens, size = int(held_out.learn.sum()), int(held_out.sizes.sum())

    def evaluate(model: Transformer) -> dict[str, float]:
        nats = loss(model)["loss"]
        return {"loss": nats, "bits_per_byte": nats * tokens / math.log(2) / max(1, size)}

    return evaluate


def text_identity(sources: Iterable[str]) -> str:
    """Tells texts apart without reading them: a hash of the files' names, sizes and beginnings, in
    the order given; of what is not a file, of its name."""
    digest = hashlib.sha256()
    for source in sources:
        path = Path(source)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            digest.update(f"{file.name}\n".encode())
            if file.is_file():
                digest.update(f"{file.stat().st_size}\n".encode())
                with file.open("rb") as stream:
                    digest.update(stream.read(BEGINNING))
    return digest.hexdigest()


def _require_same(path: Path, spec: PretrainSpec, text: str) -> None:
    """Raise CheckpointError when the run was begun with another shape or text. How long it lasts
    may change."""
    now = {name: asdict(spec)[name] for name in ("size", "family", "optimizer", "seed")}
    if not path.exists():
        write_whole(path, json.dumps(now | {"text": text}))
        return
    then = json.loads(path.read_text(encoding="utf-8"))
    for name, value in now.items():
        if then.get(name) != value:
            raise CheckpointError(
                f"{path.parent} was begun with {name} {then.get(name)}, not {value}.",
                hint=f"Go on with {name} {then.get(name)}, or choose another name.",
                param=name,
            )
    if then.get("text", "") != text:
        raise CheckpointError(
            f"{path.parent} was begun with another text: files were added, removed or changed.",
            hint=f"Go on with the text it had, choose another name, or remove {path.parent}.",
            param="text",
        )
