"""What makes two rows alike: the shingles they share.

A *shingle* is three words in a row (Broder, "On the resemblance and containment of documents",
1997). A *word* is what stands between white space and the marks `. , ; : ! ? " ' ( ) [ ]`, in lower
case; in scripts written without spaces each character is a word. A text of one or two words is one
shingle; one of marks alone (":-)") is a shingle of its own.

Two rows are near-duplicates when both the sets of all their shingles and the sets of their
answers' shingles have a Jaccard similarity (common / all) of at least the threshold. The second
condition keeps apart the questions that share one long passage.

`shingles` is the readable definition; `hash_shingles` gives the same sets as 64-bit numbers, many
texts at a time.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.compiled import compiled
from miniclaude.data.example import Example
from miniclaude.messages import TextPart

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

WORDS = 3
"""Words of a shingle."""

LONGEST = 1_000_000
"""Characters of each half of a row that are compared."""

MARKS = ".,;:!?\"'()[]"
SPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts without spaces: Thai, Lao, Burmese, Khmer, kana and Han."""
OTHER_MARKS = re.compile(
    "[\x80-\xa0\u00ab\u00bb\u1680\u2000-\u205e\u3000-\u3002\u300c-\u300f\ufeff]+"
)
"""White space and the commonest marks outside ASCII."""


def _ascii_table() -> bytes:
    table = bytearray(range(256))
    for letter in range(ord("A"), ord("Z") + 1):
        table[letter] += ord("a") - ord("A")
    for code in [*range(33), 127, *MARKS.encode()]:
        table[code] = ord(" ")
    return bytes(table)


ASCII = _ascii_table()
END = b"\xff"
"""Between texts; no byte of UTF-8."""
LETTERS = np.frombuffer(ASCII, np.uint8) - np.uint8(ord(" "))
LETTERS[END[0]] = 0

_random = np.random.default_rng(1997)
ODD = np.uint64(0x9E3779B97F4A7C15)
START = np.uint64(pow(int(ODD), (1 << 15) + 2, 1 << 64))
"""The weight of a word's first letter; any odd number does."""
FIRST, SECOND, THIRD = (np.uint64(int(n) | 1) for n in _random.integers(1, 1 << 63, 3))
SHIFT = np.uint64(31)


def compared(example: Example) -> tuple[str, str]:
    """What is compared of an example: what was asked, and what was answered.

    The system prompt and the tools are left out: a whole data set may share them.
    """
    if example.text:
        return "", example.text[:LONGEST]
    asked: list[str] = []
    answered: list[str] = []
    for message in example.messages + example.chosen + example.rejected:
        if message.role == "system":
            continue
        said = answered if message.role == "assistant" else asked
        for part in message.parts:
            if type(part) is TextPart:
                said.append(part.text)
        for call in message.tool_calls:
            said += (call.name, call.arguments)
    return "\n".join(asked)[:LONGEST], "\n".join(answered)[:LONGEST]


def words(text: str) -> list[str]:
    """The words of a text."""
    return [word.decode("utf-8", "surrogatepass") for word in byte_words(text)]


def byte_words(text: str) -> list[bytes]:
    """The words of a text, in UTF-8."""
    return _plain(text).encode("utf-8", "surrogatepass").translate(ASCII).split()


def _plain(text: str) -> str:
    """The text with everything beyond ASCII in its commonest form."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).lower()
    return SPACED.sub(r" \g<0> ", OTHER_MARKS.sub(" ", text))


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The set of a text's shingles: the slow reference of `hash_shingles`."""
    found = words(text)
    if not found:
        return frozenset([(text,)] if text else [])
    last = max(1, len(found) - WORDS + 1)
    return frozenset(tuple(found[start : start + WORDS]) for start in range(last))


def jaccard(one: Set[object], other: Set[object]) -> float:
    """The share of common members among all; 1.0 for two empty sets."""
    common = len(one & other)
    together = len(one) + len(other) - common
    return common / together if together else 1.0


@dataclass(frozen=True, slots=True)
class HashedShingles:
    """Shingles of several texts. hashes: all of them, one text after the other, repeats included;
    text number i has those from bounds[i] to bounds[i + 1]."""

    hashes: Hashes
    bounds: Places


def hash_shingles(texts: Sequence[str]) -> HashedShingles:
    """The texts' shingles as 64-bit hashes."""
    raw = _joined(texts)
    hashes = np.empty(len(raw) // 2 + 1, np.uint64)  # a word has a letter and an end
    bounds = np.zeros(len(texts) + 1, np.int64)
    _hash_texts(raw, LETTERS, hashes, bounds)
    found = HashedShingles(hashes[: bounds[-1]].copy(), bounds)
    empty = np.flatnonzero(bounds[1:] == bounds[:-1]).tolist()
    wordless = [number for number in empty if texts[number]]
    return _with_marks(found, texts, wordless) if wordless else found


def _joined(texts: Sequence[str]) -> NDArray[np.uint8]:
    """The texts' bytes, each with `END` behind."""
    pieces = [
        text.encode() if text.isascii() else _plain(text).encode("utf-8", "surrogatepass")
        for text in texts
    ]
    return np.frombuffer(END.join([*pieces, b""]), np.uint8)


@compiled
def _hash_texts(
    raw: NDArray[np.uint8], letters: NDArray[np.uint8], hashes: Hashes, counts: Places
) -> None:
    """Write the shingles of all texts to `hashes`, how many each has to counts[1:].

    raw: [bytes], each text ended by `END`. letters: [256], what a byte counts for in a word; 0 ends
    it. A word's hash is the sum of byte x ODD^place.
    """
    made = text = words = 0
    one = two = word = np.uint64(0)
    power = START
    for byte in raw:
        letter = letters[byte]
        if letter != 0:
            word += np.uint64(letter) * power
            power *= ODD
            continue
        mixed = np.uint64(0)
        complete = False
        if power != START:
            words += 1
            if words >= 3:
                mixed = one * FIRST + two * SECOND + word * THIRD
                complete = True
            one, two, word = two, word, np.uint64(0)
            power = START
        if byte == 255:
            if words == 1:
                mixed = two * FIRST
                complete = True
            elif words == 2:
                mixed = one * FIRST + two * SECOND
                complete = True
        if complete:
            mixed ^= mixed >> SHIFT
            hashes[made] = mixed * ODD
            made += 1
        if byte == 255:
            text += 1
            counts[text] = made
            words = 0


def _with_marks(found: HashedShingles, texts: Sequence[str], wordless: list[int]) -> HashedShingles:
    """The same, with one shingle for each text that has marks and no words."""
    marks = [zlib.crc32(texts[number].encode("utf-8", "replace")) + 1 for number in wordless]
    hashes = np.insert(found.hashes, found.bounds[wordless], np.array(marks, np.uint64))
    more = np.zeros(len(texts) + 1, np.int64)
    more[np.array(wordless) + 1] = 1
    return HashedShingles(hashes, found.bounds + np.cumsum(more))
