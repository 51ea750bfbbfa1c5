"""Repairs of one text. Each gives the text back unchanged where it is not sure.

Unicode is brought to NFC, which changes how characters are stored and never which they are. NFKC
would also turn x² into x2, ½ into 1/2 and full-width Japanese into Latin: that changes what a text
says, and a model that learns from it answers accordingly.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

from miniclaude.data.texts import SEPARATOR

CONTROL = re.compile(
    r"\x1b\[[0-9;?]{0,16}[A-Za-z]"  # a terminal's colours
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
CONTROL_BUT_SEPARATOR = re.compile(
    "[\x00-\x08\x0b-\x1d\x1f\x7f-\x9f\u2028\u2029]",
)
LINE_ENDS = re.compile("\r\n|\r|\u0085|\u2028|\u2029")
INVISIBLE = re.compile(
    "[\u00ad\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]"
    "|(?<![\U000e0020-\U000e007f\U0001f3f4])[\U000e0000-\U000e007f]+"  # tags, but for flags
    "|(?<![^\x00-\x7f])[\u200c-\u200f]|[\u200c-\u200f](?![^\x00-\x7f])"
)
"""What no reader sees: zero-width spaces, soft hyphens, direction overrides, tags. Joiners and
direction marks stay between characters beyond ASCII: emoji, Persian, Hebrew and the scripts of
India need them."""
ODD_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")

CODE_MARKS = [
    *("```", "=>", "==", "!=", "()", "|", "\n  ", "\n\t", ";\n", "{\n", "}\n", "\n$ ", "\n#!"),
    *("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\n#include", "\npublic ", "\nfunction "),
    "\nSELECT ",
]
"""What code, tables and verse hold; their spaces mean something."""
MARKUP_TALK = re.compile(
    r"\b(?:x?html\d?|xml|svg|css|rss|tags?|mark(?:up|down)|entit(?:y|ies)|escap\w+|url"
    r"|web ?(?:page|site)s?|javascript|jsx?|php|bbcode|latex|regex|code|script|query|snippet)\b",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#39|#34|#160|#8217|#8220|#8221|#x27|#x2F);")
_ATTRIBUTES = r"""(?:\s+[a-zA-Z-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*\s*/?"""
_NAMES = (
    "p|br|hr|div|span|b|i|u|em|strong|a|ul|ol|li|h[1-6]|font|center|table|tbody|tr|td|th|img|small"
)
TAG = re.compile(rf"<(/?)({_NAMES}){_ATTRIBUTES}>", re.IGNORECASE)
PROOF_OF_MARKUP = re.compile(rf"</(?:{_NAMES})>|<br\s*/?>", re.IGNORECASE)
NEW_LINE = frozenset(["br", "hr", "p", "div", "tr", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"])

LINE_REST = re.compile(r"[ \t]+(?=\n)")
BLANK_LINES = re.compile(r"\n{4,}")
LEADING_LINES = re.compile(r"\A(?:[ \t]*\n)+")

HARMLESS = bytes(range(32, 127)) + b"\n\t" + SEPARATOR.encode()
"""What an ASCII text may hold without a need of repair, white space aside."""
UNEVEN = ["  ", " \n", "\t\n", "\n\n\n\n"]
UNEVEN += [space + SEPARATOR for space in " \t\n"] + [SEPARATOR + space for space in " \t\n"]
"""What white space that may be evened looks like, in texts between separators."""

CP1252 = {bytes([code]).decode("cp1252", "ignore"): code for code in range(0x80, 0x100)} | {
    chr(code): code for code in range(0x80, 0xA0)
}
CP1252.pop("", None)
"""Which byte a character beyond ASCII stands for in CP1252 or, below U+00A0, in Latin-1."""
PLAUSIBLE = re.compile(
    "[\u00a0-\u017f\u0386-\u03ce\u0400-\u045f\u05d0-\u05ea\u0600-\u06ff\u0900-\u0dff\u0e00-\u0e7f"
    "\u1e00-\u1eff\u2010-\u206f\u20a0-\u20bf\u2100-\u27bf\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
    "\ufb00-\ufb06\ufe0f\ufeff\uff01-\uff5e\U0001f300-\U0001faff]+"
)
SURE = re.compile("[\u00c2\u00c3\u00e2\u00f0]")
"""The first character of what apostrophes, accents and emoji become."""


def looks_like_code(text: str) -> bool:
    """Whether a text may be code, a table or verse; when in doubt it is."""
    lines = f"\n{text}\n"
    for mark in CODE_MARKS:  # noqa: SIM110  # half the time of any()
        if mark in lines:
            return True
    return False


def undo_mojibake(text: str) -> str:
    """A UTF-8 text that was read as CP1252 ("donâ€™t"), read as UTF-8 ("don't").

    Only where it is proven: everything beyond ASCII must be a whole UTF-8 sequence when written
    back as bytes, and what comes out must be characters that people write. One right "é" in the
    same text, and it stays as it is.
    """
    for _ in range(2):  # twice read wrongly, twice undone
        if text.isascii() or not SURE.search(text):
            return text
        raw = bytearray()
        for character in text:
            code = ord(character)
            if code >= 0x80:
                code = CP1252.get(character, 0)
                if not code:
                    return text
            raw.append(code)
        try:
            read = raw.decode("utf-8")
        except UnicodeDecodeError:
            return text
        if not PLAUSIBLE.fullmatch("".join(c for c in read if c >= "\x80")):
            return text
        text = read
    return text


def normalise(text: str) -> str:
    """Unicode's composed form, NFC."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def drop_invisible(text: str) -> str:
    """Without zero-width characters; odd spaces become plain ones."""
    return text if text.isascii() else ODD_SPACES.sub(" ", INVISIBLE.sub("", text))


def drop_control(text: str) -> str:
    """Without control characters and terminal colours; every line end becomes a line feed."""
    return CONTROL.sub("", LINE_ENDS.sub("\n", text))


def drop_markup(text: str) -> str:
    """Without the tags and entities that scraping leaves in prose. Text that looks like code stays;
    so does `<b>` without any `</b>`, for it may be a placeholder."""
    if ("<" not in text and "&" not in text) or "`" in text or looks_like_code(text):
        return text
    if PROOF_OF_MARKUP.search(text):
        text = TAG.sub(_in_place_of_tag, text)
    return ENTITY.sub(lambda match: html.unescape(match[0]).replace("\u00a0", " "), text)


def _in_place_of_tag(match: re.Match[str]) -> str:
    closing, name = match[1], match[2].lower()
    if name == "li" and not closing:
        return "\n- "
    return "\n" if name in NEW_LINE and (closing or name in ("br", "hr")) else ""


def even_space(text: str) -> str:
    """No white space at the ends of lines or of the text, at most two blank lines; in prose no
    doubled spaces. Indentation stays, and fenced code is not touched at all."""
    if "```" in text:
        pieces = text.split("```")
        pieces[::2] = [_even_lines(piece) for piece in pieces[::2]]
        return "```".join(pieces).strip("\n").rstrip()
    text = _even_lines(text).rstrip()
    if text[:1] in " \t\n":
        text = LEADING_LINES.sub("", text)
    if "  " in text or text[:1] in (" ", "\t"):
        unindented = text.lstrip()
        if not looks_like_code(unindented):
            return unindented if "   " in unindented else unindented.replace("  ", " ")
    return text


def _even_lines(text: str) -> str:
    if " \n" in text or "\t\n" in text:
        text = LINE_REST.sub("", text)
    return BLANK_LINES.sub("\n\n\n", text) if "\n\n\n\n" in text else text


def needed(texts: list[str]) -> list[str]:
    """The names of the repairs that may change any of some texts: a quick look that spares most
    texts every regular expression."""
    row = SEPARATOR.join(["", *texts, ""])
    names: list[str] = []
    if row.count(SEPARATOR) != len(texts) + 1:
        names.append("control characters")
    if row.isascii():
        if row.encode().translate(None, HARMLESS):
            names.append("control characters")
    else:
        if SURE.search(row):
            names.append("mojibake")
        if CONTROL_BUT_SEPARATOR.search(row):
            names.append("control characters")
        if not unicodedata.is_normalized("NFC", row):
            names.append("unicode form")
        if INVISIBLE.search(row) or ODD_SPACES.search(row):
            names.append("invisible characters")
    if "</" in row or "<br" in row or "<BR" in row or ("&" in row and ENTITY.search(row)):
        names.append("markup")
    # What is dropped may leave spaces behind.
    if names or any(uneven in row for uneven in UNEVEN):
        names.append("white space")
    return names


REPAIRS: dict[str, Callable[[str], str]] = {
    "mojibake": undo_mojibake,
    "control characters": drop_control,
    "unicode form": normalise,
    "invisible characters": drop_invisible,
    "markup": drop_markup,
    "white space": even_space,
}
"""In the order in which they are made: mojibake is undone first, for it may be made of characters
that the others drop."""
