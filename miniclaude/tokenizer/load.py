"""Load the tokenizer of a model folder.

Every layout is first brought into one form, the content of a tokenizer.json (`files.py`), which
is then checked and built with the `tokenizers` library (`definition.py`).
"""

from __future__ import annotations

from pathlib import Path

from miniclaude.errors import TokenizerError
from miniclaude.tokenizer import definition as tokenizer_json
from miniclaude.tokenizer.chat_formats import built_in_format, format_of
from miniclaude.tokenizer.files import (
    END_OF_TEXT,
    SpecialNames,
    read_definition,
    read_special_names,
    read_templates,
)
from miniclaude.tokenizer.special_tokens import SpecialTokens
from miniclaude.tokenizer.template import ChatTemplate
from miniclaude.tokenizer.tokenizer import Tokenizer, check_vocabulary

__all__ = ["Tokenizer", "check_vocabulary", "load_tokenizer"]


def load_tokenizer(folder: Path, *, templates: Path | None = None) -> Tokenizer:
    """The tokenizer stored in `folder`: tokenizer.json, or vocab.json with merges.txt.

    templates: another folder whose chat template, where it has one, counts instead: an adapter's.

    tokenizer.json is believed to the letter, as the `tokenizers` library does. (Some classes of
    `transformers` 5 replace parts of it: LlamaTokenizer puts no space before the first word
    after a special token, where a Llama 2 tokenizer.json does.)

    A folder without a chat template gets a built-in one when its special tokens tell which.
    Raises TokenizerError when files are missing, truncated or contradictory, and
    ChatTemplateError when the folder's chat template is too large.
    """
    definition = read_definition(folder)
    names = read_special_names(folder)
    vocab = tokenizer_json.vocabulary(definition, folder)
    added = tokenizer_json.added_tokens(definition, names, vocab, folder)
    special = SpecialTokens({entry["content"]: entry["id"] for entry in added if entry["special"]})
    spelling, strips_leading_space = tokenizer_json.spelling_of(definition, folder)
    library = tokenizer_json.build(definition, added, special, folder)

    named = _named_tokens(names, special, folder)
    eos_ids = [special.ids[named["eos_token"]]] if "eos_token" in named else []
    eos_ids += names.eos_ids
    sources = read_templates(templates or folder) or read_templates(folder)
    if not sources and (fitting := built_in_format(special.ids, named)):
        sources = {"default": fitting.template}
    chat_format = format_of(sources.get("default", ""))
    if chat_format is not None and chat_format.turn_end in special.ids:
        eos_ids.append(special.ids[chat_format.turn_end])

    bos_id = special.ids[named["bos_token"]] if "bos_token" in named else None
    begins_with_bos = library.encode("", add_special_tokens=True).ids[:1] == [bos_id]
    return Tokenizer(
        library,
        special=special,
        added={entry["id"]: entry["content"] for entry in added},
        spelling=spelling,
        strips_leading_space=strips_leading_space,
        bos_id=bos_id,
        adds_bos=begins_with_bos if names.add_bos is None else names.add_bos,
        eos_ids=tuple(dict.fromkeys(eos_ids)),
        special_names=named,
        template=ChatTemplate(sources) if sources else None,
        keeps_all=tokenizer_json.keeps_all(definition, spelling, vocab),
    )


def _named_tokens(names: SpecialNames, special: SpecialTokens, folder: Path) -> dict[str, str]:
    """`bos_token`, `eos_token`, … → text: as the configuration names them, else by the ids of
    config.json; an eos token that nobody tells is GPT-2's, where the vocabulary has it."""
    named = dict(names.named)
    text_of = {token_id: text for text, token_id in special.ids.items()}
    for name, ids in (("bos_token", names.bos_ids), ("eos_token", names.eos_ids)):
        if name not in named and ids and ids[0] in text_of:
            named[name] = text_of[ids[0]]
    if "eos_token" not in named and not names.eos_ids and END_OF_TEXT in special.ids:
        named["eos_token"] = END_OF_TEXT
    for name in ("bos_token", "eos_token"):
        if name in named and named[name] not in special.ids:
            raise TokenizerError(
                f"{folder}: the {name} {named[name]!r} is not in the vocabulary.",
                hint="The folder mixes two models' files; pull it again.",
            )
    return named
