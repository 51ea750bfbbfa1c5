"""A look at the texts of many plain rows at once: what may need a closer one.

Each stage that judges a row by itself finds nothing in most rows. One loop over the bytes tells
which rows may have something for which stage; it may err on the side of looking, never on that of
passing over (`tests/data/test_row_scan.py` holds it against the stages). How an answer ends is
looked at by the rules themselves, since only the last one is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.answers import is_boilerplate, is_truncated
from miniclaude.data.compiled import compiled
from miniclaude.data.plain_rows import PlainRow
from miniclaude.data.repair import HARMLESS, needed
from miniclaude.data.safety import OF_ANSWERS, REQUESTS
from miniclaude.data.safety_rules import SIGNALS
from miniclaude.data.shingles import END, LETTERS, ODD, START

CLEAN, PERSONAL, UNSAFE, UNEVEN, UNUSUAL = 1, 2, 4, 8, 16
"""Flags: the row may need this stage; of cleaning nothing but to even its white space, as far as
was looked; it has characters beyond ASCII other than those that never need a repair."""

CONTROL, LETTER, DIGIT, TOKEN, IN_NUMBER, STAR, HEX, BEYOND = (1 << n for n in range(8))
"""What a byte may be."""
SIGNAL, RUDE = np.uint64(1 << 30), np.uint64(1 << 31)
REQUESTED = np.uint64((1 << 30) - 1)
ONE, HALF = np.uint64(1), np.uint64(32)
FAR = 1 << 30

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


def _classes() -> Bytes:
    classes = np.zeros(256, np.uint8)
    for byte in range(256):
        character = chr(byte)
        kinds = 0
        if byte >= 0x80:
            kinds = BEYOND | TOKEN
        elif byte not in HARMLESS or character == "\x1e":
            kinds = CONTROL
        elif character.isalpha():
            kinds = LETTER | TOKEN
        elif character.isdigit():
            kinds = DIGIT | TOKEN
        if character in "_-":
            kinds |= TOKEN
        if character in " ().-+":
            kinds |= IN_NUMBER
        if character in "*@$":
            kinds |= STAR
        if character in "0123456789abcdefABCDEF":
            kinds |= HEX
        classes[byte] = kinds
    return classes


CLASSES = _classes()


class KnownWords(NamedTuple):
    """The words of the rules of safety in a hash table with open addresses. masks: bit i says that
    the word is what request i does, bit 32 + i what it is done to, `SIGNAL` and `RUDE` that it is
    one of `SIGNALS` or `OF_ANSWERS`. reach: of each request."""

    hashes: Words
    masks: Words
    reach: NDArray[np.int64]


BITS = 12
TO_SLOT = np.uint64(64 - BITS)


@cache
def known_words() -> KnownWords:
    """The table, made once."""
    masks: dict[bytes, int] = {}
    for number, (_, request) in enumerate(REQUESTS):
        for word in request.doing:
            masks[word] = masks.get(word, 0) | 1 << number
        for word in request.what:
            masks[word] = masks.get(word, 0) | 1 << (32 + number)
    for words, bit in ((SIGNALS, int(SIGNAL)), (OF_ANSWERS, int(RUDE))):
        for word in words:
            masks[word] = masks.get(word, 0) | bit
    reach = np.array([request.reach for _, request in REQUESTS], np.int64)
    table = KnownWords(np.zeros(1 << BITS, np.uint64), np.zeros(1 << BITS, np.uint64), reach)
    for word, mask in masks.items():
        hashed = word_hash(word)
        slot = hashed >> int(TO_SLOT)
        while table.hashes[slot]:
            slot = (slot + 1) % (1 << BITS)
        table.hashes[slot] = hashed
        table.masks[slot] = mask
    return table


def word_hash(word: bytes) -> int:
    """The hash of one word, as `shingles.py` and the loop below have it."""
    weight, total = int(START), 0
    for byte in word:
        total += int(LETTERS[byte]) * weight
        weight = weight * int(ODD) % (1 << 64)
    return total % (1 << 64)


def scan(rows: Sequence[PlainRow]) -> list[int]:
    """The flags of each row."""
    if not rows:
        return []
    texts = [text for row in rows for text in row.texts]
    raw = np.frombuffer(END.join([*[text.encode() for text in texts], b""]), np.uint8)
    speakers = np.frombuffer(b"".join([row.speakers for row in rows]), np.uint8)
    ends = np.cumsum([len(row.texts) for row in rows])
    flags = np.zeros(len(rows), np.uint8)
    _scan(raw, speakers, ends, CLASSES, LETTERS, *known_words(), flags)
    found: list[int] = flags.tolist()
    for number, row in enumerate(rows):
        flag = found[number]
        if flag & UNEVEN:
            found[number] = flag & ~UNEVEN if flag & (CLEAN | UNUSUAL) else flag
            found[number] |= CLEAN
            continue
        if flag & CLEAN:
            continue
        last = row.texts[-1]
        if is_boilerplate(last) or is_truncated(last) or (flag & UNUSUAL and _odd(row)):
            found[number] |= CLEAN
    return found


def _odd(row: PlainRow) -> bool:
    """Whether a row with unusual characters may have to be repaired, or cannot be."""
    return bool(needed(row.texts)) or any("\ufffd" in text for text in row.texts)


@compiled
def _scan(
    raw: Bytes,
    speakers: Bytes,
    ends: NDArray[np.int64],
    classes: Bytes,
    letters: Bytes,
    hashes: Words,
    masks: Words,
    reach: NDArray[np.int64],
    flags: Bytes,
) -> None:
    """raw: [bytes], the texts, each ended by `END`. speakers: of each text. ends: of each row, the
    first text that is no longer its own. flags: of each row."""
    nothing = np.uint64(0)
    row = text = begin = 0
    flag = 0
    # Of the user's last words in this row: characters, words, all words hashed.
    asked_length = asked_words = 0
    asked_hash = nothing
    asked_beyond = False
    # Of this text.
    length = words = 0
    said_hash = nothing
    beyond = False
    code = left = 0  # of a character beyond ASCII: its number, and the bytes still to come
    mask = nothing
    word, power = nothing, START
    gaps = 0  # white space between words, counted like the rules do
    done = np.full(len(reach), -FAR)  # the gaps before the last word of what a request does
    requested = False
    lines = token = dots = stars = 0
    # Digits with signs between them, and how many since the last; also with two signs at most.
    digits = near_digits = signs = 0
    # A run of what secrets are made of, and whether a digit stands in it.
    secret, mixed = 0, False
    # Of this row: what a key, and what a number of a person, must have.
    has_token = has_secret = has_digits = has_number = False
    before = 10  # the byte before; a text begins like a line
    in_word = False  # whether that is a letter
    for at in range(len(raw)):
        byte = raw[at]
        kinds = classes[byte]
        letter = letters[byte]
        if kinds & LETTER and in_word:
            # A letter behind another, as most bytes are, changes nothing but these.
            word += np.uint64(letter) * power
            power *= ODD
            length += 1
            token += 1
            if token == 16:
                has_token = True
            secret += 1
            if mixed and secret >= 15:
                has_secret = True
            before = byte
            continue
        in_word = kinds & LETTER != 0
        if letter != 0:
            word += np.uint64(letter) * power
            power *= ODD
        elif power != START:
            words += 1
            said_hash = said_hash * ODD + word
            slot = word >> TO_SLOT
            while hashes[slot] != nothing:
                if hashes[slot] == word:
                    mask |= masks[slot]
                    number = 0
                    does, what = masks[slot] & REQUESTED, masks[slot] >> HALF
                    while does | what:
                        if what & ONE and gaps - done[number] <= reach[number]:
                            requested = True
                        if does & ONE:
                            done[number] = gaps
                        does, what = does >> ONE, what >> ONE
                        number += 1
                slot = (slot + np.uint64(1)) & np.uint64((1 << BITS) - 1)
            word, power = nothing, START
        if byte <= 32 and before > 32:
            gaps += 1
        if byte != 255:
            length += 1
            if kinds & BEYOND:
                beyond = True
                if byte & 0xC0 == 0x80:
                    length -= 1
                    code = code << 6 | byte & 0x3F
                    left -= 1
                    # Latin, Cyrillic, Han; dashes, quotes, bullet and ellipsis.
                    if left == 0 and not (
                        (0xA1 <= code <= 0xFF and code not in (0xAD, 0xC2, 0xC3, 0xE2, 0xF0))
                        or 0x400 <= code <= 0x47F
                        or 0x4E00 <= code <= 0x9FFF
                        or code in (0x2013, 0x2014, 0x2018, 0x2019)
                        or code in (0x201C, 0x201D, 0x2022, 0x2026)
                    ):
                        flag |= UNUSUAL
                elif byte < 0xE0:
                    code, left = byte & 0x1F, 1
                elif byte < 0xF0:
                    code, left = byte & 0x0F, 2
                else:
                    code, left = byte & 0x07, 3
            elif kinds & CONTROL:
                flag |= CLEAN
            # White space, line ends and markup that may be repaired.
            if byte == 32 or byte == 9 or byte == 10:
                if at == begin or (byte == 32 and before == 32):
                    flag |= UNEVEN
                if byte == 10:
                    lines += 1
                    if before == 32 or before == 9 or lines == 4:
                        flag |= UNEVEN
                else:
                    lines = 0
            else:
                lines = 0
                if before == 60 and (byte == 47 or byte == 98 or byte == 66):  # </ <b <B
                    flag |= CLEAN
                if before == 38 and (byte == 35 or kinds & LETTER):  # &# &a
                    flag |= CLEAN
            # A long token; seven digits; an address of a machine or of e-mail; a private key.
            if kinds & TOKEN:
                token += 1
                if token == 16:
                    has_token = True
            else:
                token = 0
            if kinds & TOKEN or byte == 43 or byte == 46 or byte == 47:  # + . /
                secret += 1
                if kinds & DIGIT or kinds & BEYOND:
                    mixed = True
                if secret >= 15 and mixed:
                    has_secret = True
            else:
                secret, mixed = 0, False
            if kinds & DIGIT:
                digits += 1
                if digits == 7:
                    has_digits = True
                near_digits = near_digits + 1 if signs <= 2 else 1
                signs = 0
                if near_digits == 7:
                    has_number = True
                if (
                    digits == 2 and at - begin >= 3 and 65 <= raw[at - 2] <= 90
                ):  # B12, as of an IBAN
                    has_number = True
                if before == 46:  # .
                    dots += 1
                    if dots == 3:
                        flag |= PERSONAL
            else:
                if kinds & IN_NUMBER:
                    signs += 1
                else:
                    digits = near_digits = 0
                if kinds & BEYOND:
                    has_number = True
                if byte != 46 or not classes[before] & DIGIT:
                    dots = 0
                if byte == 58 and at - begin >= 4:  # :
                    if (
                        (raw[at - 4] == 50 or raw[at - 4] == 51)
                        and classes[raw[at - 3]] & HEX
                        and classes[raw[at - 2]] & HEX
                        and classes[raw[at - 1]] & HEX
                    ):
                        flag |= PERSONAL
                elif byte == 64 or (byte == 66 and before == 45):  # @ -B
                    flag |= PERSONAL
            # Letters with up to four signs between them: a disguised word.
            if kinds & STAR:
                if stars or classes[before] & LETTER:
                    stars += 1
            elif stars:
                if kinds & LETTER and stars <= 4:
                    mask |= RUDE
                stars = 0
            before = byte
            continue

        # The end of a text.
        if before == 32 or before == 9 or before == 10:
            flag |= UNEVEN
        speaker = speakers[text]
        if speaker == 1:
            if requested and mask & SIGNAL:
                flag |= UNSAFE
            asked_length, asked_words, asked_hash = length, words, said_hash
            asked_beyond = beyond
        elif speaker == 2:
            if mask & RUDE:
                flag |= UNSAFE
            if abs(asked_length - length) <= 4 and (
                beyond or asked_beyond or (words == asked_words and said_hash == asked_hash)
            ):
                flag |= CLEAN
            size = at - begin
            if size > 60:  # a loop says its last forty bytes again, at most a fifth earlier
                for period in range(1, size // 5 + 1):
                    same = 0
                    while same < 40 and raw[at - 1 - same] == raw[at - 1 - same - period]:
                        same += 1
                    if same == 40:
                        flag |= CLEAN
                        break
        text += 1
        if text == ends[row]:
            if (has_token and has_secret) or (has_digits and has_number):
                flag |= PERSONAL
            has_token = has_secret = has_digits = has_number = False
            flags[row] = flag
            row += 1
            flag = 0
            asked_length = asked_words = 0
            asked_hash = nothing
            asked_beyond = False
        begin = at + 1
        length = words = 0
        said_hash = nothing
        beyond = False
        mask = nothing
        gaps = 0
        done[:] = -FAR
        requested = False
        lines = token = dots = stars = 0
        digits = near_digits = signs = 0
        secret, mixed = 0, False
        before = 10
