"""A branch of a conversation as a document to read: Markdown, or one HTML file.

The HTML file has its styles inside, no script, and asks nobody for anything, which its own content
policy holds it to: what an answer says is shown, never run and never fetched.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from html import escape

from markdown_it import MarkdownIt

from miniclaude.store.messages import StoredMessage

_STYLE = """
:root{color-scheme:light dark;--paper:light-dark(#fbf9f5,#1c1a17);--ink:light-dark(#26231d,#ece7dd);
--soft:light-dark(#5d574b,#b9b1a3);--line:light-dark(#e2dbcd,#37322c);
--bubble:light-dark(#e9ede2,#2b312b);--code:light-dark(#f5f1e9,#161411);
--accent:light-dark(#2c6a5b,#8ac5ae)}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:1rem/1.6 system-ui,"Segoe UI","Helvetica Neue",sans-serif}
main{max-width:46rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.6rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 .25rem}
.about,footer,h2{color:var(--soft);font-size:.875rem}
h2{font-weight:600;margin:0 0 .4rem}
article{margin:1.75rem 0;overflow-wrap:anywhere}
.user{margin-left:auto;width:fit-content;max-width:85%}
.user div{white-space:pre-wrap;background:var(--bubble);border-radius:1rem;padding:.6rem 1rem}
pre{background:var(--code);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;
overflow-x:auto}
code{font:0.875em ui-monospace,Menlo,Consolas,monospace}
table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{border:1px solid var(--line);padding:.35rem .7rem;text-align:left}
blockquote{margin:0;padding-left:1rem;border-left:3px solid var(--line);color:var(--soft)}
a{color:var(--accent)}
footer{border-top:1px solid var(--line);padding-top:1rem;margin-top:3rem}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
_UNFINISHED = {
    "streaming": "This answer was still being written.",
    "cancelled": "This answer was stopped.",
    "interrupted": "This answer was interrupted.",
    "error": "This answer failed.",
}
UNTITLED = "Conversation"


def to_markdown(title: str, branch: Sequence[StoredMessage]) -> str:
    """The branch as Markdown: a heading for each message, and what was said as it was said."""
    parts = [f"# {' '.join(title.split()) or UNTITLED}"]
    for message in branch:
        parts += [f"## {_speaker(message)}", *(f"*{it}*" for it in _pictures(message))]
        parts.append(message.content.strip())
        if note := _UNFINISHED.get(message.status):
            parts.append(f"*{note}*")
    return "\n\n".join(part for part in parts if part) + "\n"


def to_html(title: str, branch: Sequence[StoredMessage]) -> str:
    """The branch as one HTML file."""
    name = escape(" ".join(title.split()) or UNTITLED)
    day = ""
    if branch:
        day = f"{datetime.fromtimestamp(branch[-1].created_at, UTC):%Y-%m-%d}"
    articles = "\n".join(_article(message) for message in branch if message.content.strip())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{name}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p class="about">{day}</p>
{articles}
<footer>A conversation with a model, saved from Mini-Claude. Models make things up.</footer>
</main>
</body>
</html>
"""


def _article(message: StoredMessage) -> str:
    if message.role == "assistant":
        body = _markdown().render(message.content)
    else:
        body = f"<div>{escape(message.content)}</div>"
    body += "".join(f'<p class="about">{escape(it)}</p>' for it in _pictures(message))
    if note := _UNFINISHED.get(message.status):
        body += f'<p class="about">{note}</p>'
    speaker = escape(_speaker(message))
    return f'<article class="{message.role}"><h2>{speaker}</h2>{body}</article>'


def _pictures(message: StoredMessage) -> list[str]:
    """The pictures of a question, by name: a document to read does not carry them."""
    return [f"Picture: {' '.join(picture.name.split())}" for picture in message.pictures]


def _speaker(message: StoredMessage) -> str:
    if message.role == "assistant":
        return " ".join((message.model or "Answer").split())
    return {"user": "You", "system": "Instructions", "tool": "Tool"}[message.role]


@cache
def _markdown() -> MarkdownIt:
    """Markdown without HTML of its own and without pictures, which a reader's browser would fetch
    from strangers; links are checked by the library, and tell nothing of where they stood."""
    reader = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")

    def link_open(self, tokens, index, options, environment):  # type: ignore[no-untyped-def]
        tokens[index].attrSet("rel", "noopener noreferrer nofollow")
        return self.renderToken(tokens, index, options, environment)

    reader.add_render_rule("link_open", link_open)
    return reader
