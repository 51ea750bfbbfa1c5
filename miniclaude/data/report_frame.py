"""What every report page has around it: one file without scripts that fetches nothing, light and
dark."""

from __future__ import annotations

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Of the page's content; were something in it not escaped, a browser would still not run it."""

STYLE = """
:root{color-scheme:light dark;--paper:#faf8f4;--card:#fff;--ink:#23211d;--soft:#6d685f;
--line:#e6e1d7;--c1:#c2603c;--c2:#3f7f88;--c3:#b99a3e;--c4:#a9a297;--good:#4c8a5c;--wash:#f3ece1}
@media (prefers-color-scheme:dark){:root{--paper:#191816;--card:#22201d;--ink:#ece7dd;
--soft:#a39c90;--line:#37332d;--c1:#e08a63;--c2:#6fb3bb;--c3:#d8b95f;--c4:#6d675e;--good:#7dbb8c;
--wash:#2b2722}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);line-height:1.55;
font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:860px;margin:0 auto;padding:48px 24px 64px}
header{margin-bottom:32px}
h1{font:600 40px/1.1 ui-serif,Georgia,"DejaVu Serif",serif;margin:2px 0 14px;
overflow-wrap:anywhere}
h2{font:600 20px/1.3 ui-serif,Georgia,"DejaVu Serif",serif;margin:0 0 14px}
.kicker{margin:0;color:var(--c1);font-weight:600;letter-spacing:.08em;text-transform:uppercase;
font-size:13px}
.lead{font-size:19px;margin:0 0 6px}
.quiet,figcaption,footer{color:var(--soft);font-size:14px}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;
padding:22px 24px;margin:0 0 18px}
section p:last-child{margin-bottom:0}
.tiers{list-style:none;display:flex;gap:10px;padding:0;margin:22px 0 12px}
.tiers li{flex:1;border-radius:10px;padding:10px 14px;border:1px solid var(--line);
background:var(--card);color:var(--soft);display:flex;flex-direction:column}
.tiers li span{font-size:13px}
.tiers li.done{border-color:var(--good);color:var(--ink);box-shadow:inset 0 -3px 0 var(--good)}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{fill:var(--soft);font-size:12px;font-family:inherit}
svg .value{fill:var(--ink);font-weight:600}
.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}
.wash{fill:var(--wash)}.track{stroke:var(--line);fill:none}.arc{stroke:var(--c1);fill:none}
.arc.good{stroke:var(--good)}.tick{stroke:var(--ink);stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;list-style:none;padding:0;margin:12px 0 8px;
font-size:14px;color:var(--soft)}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px}
.legend .c1{background:var(--c1)}.legend .c2{background:var(--c2)}
.legend .c3{background:var(--c3)}.legend .c4{background:var(--c4)}
.advice{padding-left:20px;margin:0}.advice li{margin:4px 0}
.pair{display:flex;gap:28px;margin-bottom:18px}
figure{flex:1;margin:0;display:flex;gap:16px;align-items:center}
figure svg{width:110px;flex:none}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-top:1px solid var(--line);
overflow-wrap:anywhere}
thead th{border:0;color:var(--soft);font-weight:500}
details{border-top:1px solid var(--line);padding:8px 0}
summary{cursor:pointer}
details ul{padding-left:20px;font-size:14px}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:12.5px;color:var(--soft)}
details code{display:block;background:var(--wash);border-radius:6px;padding:6px 9px;
margin:4px 0 10px;overflow-wrap:anywhere;white-space:pre-wrap}
footer{text-align:center;margin-top:28px}
@media (max-width:640px){.pair,.tiers{flex-direction:column}main{padding:28px 16px}}
@media print{section{break-inside:avoid}}
"""


def framed(title: str, body: str, footer: str, more_style: str = "") -> str:
    """A whole page. All but `more_style` is HTML: what came from a person is escaped already."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{STYLE}{more_style}</style></head>"
        f"<body><main>{body}<footer>{footer}</footer></main></body></html>\n"
    )
