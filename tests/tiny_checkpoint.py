"""A complete model folder of a few kilobytes: random weights, a real tokenizer, a chat template."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from miniclaude.model.checkpoint import save_model
from miniclaude.model.config import ModelConfig
from miniclaude.model.transformer import Transformer

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXT = ["the cat sat on the mat", "user assistant system", "hello, how are you today?"]


def write_tiny_checkpoint(
    folder: Path,
    *,
    template: str | None = CHATML,
    context: int = 256,
    seed: int = 0,
    chat_tokens: bool = True,
    experts: int = 0,
) -> Path:
    """Write a Llama of two layers with a byte-level tokenizer of 300 entries into `folder`.

    chat_tokens: with ChatML's special tokens and an end of text; without them nothing can tell
    where a turn ends. experts: of each layer, two for a token, in place of its MLP: a Mixtral.
    """
    config = ModelConfig(
        family="llama",
        vocab_size=300,
        context=context,
        width=32,
        layers=2,
        heads=4,
        kv_heads=2,
        head_dim=8,
        mlp_width=64,
        norm="rmsnorm",
        norm_eps=1e-5,
        activation="silu",
        gated_mlp=True,
        positions="rotary",
        experts=experts,
        experts_per_token=2 if experts else 0,
        expert_width=64 if experts else 0,
        norm_topk=experts > 0,
    )
    model = Transformer(config)
    model.initialise(torch.Generator().manual_seed(seed))
    ends = {"bos_token_id": 0, "eos_token_id": 2} if chat_tokens else {}
    save_model(model, folder, extra_config=ends)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=SPECIAL if chat_tokens else [],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, object] = {"tokenizer_class": "PreTrainedTokenizerFast"}
    if chat_tokens:
        settings |= {"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
        settings |= {"add_bos_token": False}
    if template is not None:
        settings["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
