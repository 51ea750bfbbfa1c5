"""The kinds of many questions at once: as `kinds.kind_of_texts` says, with one loop over the bytes
of all questions that finds the words that some sign knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.compiled import compiled
from miniclaude.data.kinds import HAS_DIGIT, MARKS, MENTIONED, Asked, kind_by, looked_at

END = b"\xff"
"""Behind each question; no byte of UTF-8."""
START, FACTOR = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15)
BITS = 11
LAST_SLOT = np.uint64((1 << BITS) - 1)
ONE, HALF, DIGIT = np.uint64(1), np.uint64(32), np.uint64(HAS_DIGIT)

Words = NDArray[np.uint64]


def _letters() -> NDArray[np.uint8]:
    """[256]: of each byte the lower case; 0 where it ends a word."""
    table = np.frombuffer(bytes(range(256)).lower(), np.uint8).copy()
    table[[*range(9, 14), *range(28, 33), *MARKS.encode(), END[0]]] = 0
    return table


LETTERS = _letters()


@cache
def known_words() -> tuple[Words, Words]:
    """The words that some sign knows, in a hash table with open addresses, made once: hashes and
    what they mention. [1 << BITS]"""
    hashes, mentioned = np.zeros(1 << BITS, np.uint64), np.zeros(1 << BITS, np.uint64)
    for word, bits in MENTIONED.items():
        hashed = word_hash(word.encode())
        slot = hashed & int(LAST_SLOT)
        while hashes[slot]:
            slot = (slot + 1) & int(LAST_SLOT)
        hashes[slot], mentioned[slot] = hashed, bits
    return hashes, mentioned


def word_hash(word: bytes) -> int:
    """The hash of one word, as the loop below has it."""
    total = int(START)
    for byte in word:
        total = (total ^ byte) * int(FACTOR) % (1 << 64)
        total ^= total >> 32
    return total


def kinds_of_texts(questions: Sequence[str], answers: Sequence[str]) -> list[str]:
    """The kind of each question with its answer."""
    texts = [looked_at(question) for question in questions]
    plain = [text for text in texts if text.isascii()]
    raw = np.frombuffer(END.join([*[text.encode() for text in plain], b""]), np.uint8)
    found = np.zeros(len(plain), np.uint64)
    _find_words(raw, LETTERS, *known_words(), found)
    known = iter(found.tolist())
    asked = [
        Asked(text, text.lower(), next(known)) if text.isascii() else Asked.of(text)
        for text in texts
    ]
    return list(map(kind_by, questions, answers, asked))


@compiled
def _find_words(
    raw: NDArray[np.uint8],
    letters: NDArray[np.uint8],
    hashes: Words,
    mentioned: Words,
    known: Words,
) -> None:
    """raw: [bytes], the questions, each ended by `END`. letters: [256]. hashes, mentioned: see
    `known_words`. known: what is known of each question."""
    text = 0
    word = START
    begun = False
    for at in range(len(raw)):
        letter = letters[raw[at]]
        if letter != 0:
            word = (word ^ np.uint64(letter)) * FACTOR
            word ^= word >> HALF
            begun = True
            if 48 <= letter <= 57:
                known[text] |= DIGIT
            continue
        if begun:
            slot = word & LAST_SLOT
            while hashes[slot] != 0:
                if hashes[slot] == word:
                    known[text] |= mentioned[slot]
                slot = (slot + ONE) & LAST_SLOT
            word = START
            begun = False
        if raw[at] == 255:
            text += 1
