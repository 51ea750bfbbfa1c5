"""What the later steps must know of a plain row: as of its `Example`, without making it."""

from __future__ import annotations

from typing import NamedTuple

from miniclaude.data.kinds import FORMS
from miniclaude.data.plain_rows import ASSISTANT, OTHER, USER, PlainRow
from miniclaude.data.shingles import LONGEST
from miniclaude.data.split import opening_of
from miniclaude.data.validate import RowFacts

IN_TURN = bytes([USER, ASSISTANT])


class PlainFacts(NamedTuple):
    """compared, opening, row: what `shingles.compared`, `split.opening` and `validate.row_facts`
    say of the example, but for a kind that the row does not name. question: of which
    `kinds_at_once.py` tells it, with the last text. prompt: the text of which `accounts.keys_of`
    makes its `prompt_key`."""

    compared: tuple[str, str]
    opening: str
    question: str
    prompt: str
    row: RowFacts


def plain_facts(row: PlainRow) -> PlainFacts:
    """The facts of a row."""
    if row.speakers == IN_TURN * (len(row.texts) // 2):  # as most are
        asked, answered = row.texts[::2], row.texts[1::2]
        others = asked
    else:
        said = list(zip(row.speakers, row.texts, strict=True))
        asked = [text for speaker, text in said if speaker == USER]
        answered = [text for speaker, text in said if speaker == ASSISTANT]
        others = [text for speaker, text in said if speaker != ASSISTANT]
    lengths = [(len(text) + 3) // 4 for text in answered]  # validate.estimate_tokens
    before = sum([(len(text) + 3) // 4 for text in others])
    forms = [FORMS[0]] if len(asked) > 1 else []
    if OTHER in row.speakers:
        forms.append(FORMS[1])
    prompt = "\n".join(asked)
    return PlainFacts(
        (prompt[:LONGEST], "\n".join(answered)[:LONGEST]),
        opening_of(asked),
        asked[0] if asked else "",
        prompt,
        RowFacts(row.kind, forms, lengths, before, len(asked)),
    )
