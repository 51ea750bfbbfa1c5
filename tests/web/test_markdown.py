"""What an answer looks like, and what it can never do."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.live import LiveServer
from tests.web.steps import answers, ask, composer, listed, send

pytestmark = pytest.mark.browser

RICH = """\
Some **bold** text and `code`.

```python
def double(x: int) -> int:
    return 2 * x
```

| a | b |
|---|--:|
| 1 | 2 |

Inline $x^2$, money $5 and $6, and

$$
\\int_0^1 x\\,dx
$$
"""

HOSTILE = """\
<img src="x" onerror="window.broken = 1"> <script>window.broken = 1</script>
<iframe src="http://stranger.invalid/"></iframe> <style>body { display: none }</style>

[click](javascript:window.broken=1) ![spy](http://stranger.invalid/pixel.png)

[data](data:text/html,<script>window.broken=1</script>)

$\\href{javascript:window.broken=1}{x}$ $\\includegraphics{http://stranger.invalid/y.png}$
"""


def test_code_tables_and_formulas_are_drawn(page: Page) -> None:
    answer = ask(page, RICH)
    expect(answer.locator("strong")).to_have_text("bold")
    expect(answer.locator(".hljs-keyword").first).to_have_text("def")
    expect(answer.get_by_role("table").get_by_role("cell")).to_have_text(["1", "2"])
    expect(answer.locator(".katex-display")).to_have_count(1)
    expect(answer.locator(".katex")).to_have_count(2)
    expect(answer).to_contain_text("money $5 and $6")


def test_a_formula_is_drawn_while_the_answer_goes_on(page: Page, server: LiveServer) -> None:
    with server.hold(after=6):
        send(page, "Inline $x^2$ and\n\n$$\\int_0^1 x\\,dx$$\n\nand so on and on and on")
        expect(answers(page).locator(".katex-display")).to_have_count(1)
        expect(answers(page).locator(".katex")).to_have_count(2)
        expect(answers(page)).to_have_attribute("data-status", "streaming")
    expect(answers(page)).to_have_attribute("data-status", "complete")
    expect(answers(page).locator(".katex")).to_have_count(2)


def test_a_task_has_its_box_instead_of_a_bullet(page: Page) -> None:
    """Both side by side look like a mistake."""
    answer = ask(page, "- [x] done\n- [ ] to do\n\nand\n\n- plain")
    items = answer.get_by_role("listitem")
    expect(items).to_have_count(3)
    for item, bullet in zip(items.all(), ("none", "none", "disc"), strict=True):
        expect(item).to_have_css("list-style-type", bullet)
    expect(answer.get_by_role("checkbox", checked=True)).to_have_count(1)


def test_colours_that_arrive_late_are_put_on_all_the_same(page: Page) -> None:
    """The highlighter is fetched when first needed; the answer may have ended by then."""
    waiting: list[Route] = []

    def keep_waiting(route: Route) -> None:
        waiting.append(route)

    page.route("**/highlightPlugin*.js", keep_waiting)
    answer = ask(page, "```python\nx = 1\n```")
    expect(answer.locator("code")).to_have_text("x = 1\n")
    assert len(waiting) == 1
    waiting[0].continue_()
    expect(answer.locator(".hljs-number")).to_have_text("1")


def test_code_is_copied_exactly(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answer = ask(page, RICH)
    answer.get_by_role("button", name="Copy code").click()
    expect(answer.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "def double(x: int) -> int:\n    return 2 * x\n"
    answer.get_by_role("button", name="Copy answer").click()
    expect(answer.get_by_role("button", name="Copied")).to_have_count(2)
    assert page.evaluate("navigator.clipboard.readText()") == RICH.strip()


def test_markup_in_an_answer_stays_text_and_runs_nothing(page: Page) -> None:
    """The page fixture also fails on any request to the strangers named here."""
    answer = ask(page, HOSTILE)
    expect(answer).to_contain_text('<img src="x" onerror="window.broken = 1">')
    expect(answer).to_contain_text("<script>window.broken = 1</script>")
    assert answer.locator("img, script, iframe, style, [onerror]").count() == 0
    schemes = answer.locator("a").evaluate_all("links => links.map((link) => link.protocol)")
    assert set(schemes) <= {"http:", "https:"}
    assert page.evaluate("window.broken") is None


BOMBS = r"""
<svg width="9" height="9" onload="window.broken = 1"><script>window.broken = 1</script></svg>

$\def\a{\a\a\a}\a$ and $\rule{9000000em}{9000000em}$ and $\kern9000000em x$ and the end
"""


def test_pictures_in_markup_and_formulas_without_end_do_no_harm(page: Page) -> None:
    """A formula may define one that defines itself, or be as large as a town."""
    answer = ask(page, BOMBS)
    expect(answer).to_contain_text("and the end")
    expect(answer.locator("svg[onload], .markdown script")).to_have_count(0)
    assert page.evaluate("window.broken") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = answer.bounding_box()
    assert box is not None
    assert box["height"] < 20_000
    expect(composer(page)).to_be_enabled()


def test_markup_in_a_question_and_in_a_title_stays_text(page: Page) -> None:
    ask(page, "<b>bold</b> & <i>sly</i>")
    expect(listed(page, "<b>bold</b> & <i>sly</i>")).to_be_visible()
    expect(page.get_by_role("article", name="You said")).to_contain_text("<b>bold</b>")
    expect(answers(page)).to_contain_text("<b>bold</b> & <i>sly</i>")


def test_markup_in_a_title_or_folder_given_elsewhere_stays_text(page: Page) -> None:
    ask(page, "harmless")
    evil = '<img src=x onerror="window.broken = 1">'
    change = {"title": f"title {evil}", "folder": f"folder {evil}"}
    page.request.patch(f"/conversations/{page.url.rsplit('/', 1)[1]}", data=change)
    page.reload()
    expect(listed(page, f"title {evil}")).to_be_visible()
    expect(page).to_have_title(f"title {evil} · Mini-Claude")
    page.get_by_role("combobox", name="Folder").select_option(f"folder {evil}")
    expect(listed(page, f"title {evil}")).to_be_visible()
    assert page.locator("img, [onerror]").count() == 0
    assert page.evaluate("window.broken") is None


@pytest.mark.parametrize("levels", [3_000, 6_000])
def test_what_is_too_deep_to_be_drawn_is_shown_as_it_was_written(page: Page, levels: int) -> None:
    """Markdown is read by functions that call themselves for each level; the stack they used up
    once took the whole page down, and again at every visit."""
    deep = ">" * levels + " at the bottom"
    answer = ask(page, deep)
    expect(answer).to_contain_text("at the bottom")
    expect(answer.locator("pre")).to_have_text(deep)
    expect(ask(page, "and **now**?").locator("strong")).to_have_text("now")
    page.reload()
    expect(answers(page).first).to_contain_text("at the bottom")
