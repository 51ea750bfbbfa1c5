"""What the pictures show, made through the page as a person would."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
OWN_VOICE = ROOT / "recipes" / "own_voice" / "juniper.jsonl"
DATASET = "garden-club"
TAUGHT = "juniper"

EARLIER = ("What is 2 + 2?", "Tell me a joke.", "I have an exam tomorrow.")
"""Conversations for the list, each of which is rated."""

SHOWN = (
    "Who are you?",
    "Tell me a short story about a fox.",
    "Give me three ideas for the weekend.",
)
"""The conversation in the picture of the chat."""

WEIGHED = "What do you think about rain?"
"""A question whose answer nobody knows by heart."""

STEPS = {"steps": "36", "evaluate_every": "4", "checkpoint_every": "12", "seed": "1"}
"""Enough for a curve, few enough for a minute on two cores."""


def _talk(*turns: tuple[str, str]) -> dict[str, object]:
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


BAD_ROWS: tuple[object, ...] = (
    _talk(("user", "When should I prune the roses?")),
    _talk(("member", "Is the shed open?"), ("assistant", "From nine to noon, every Saturday.")),
    {"question": "How deep do I plant tulips?"},
    _talk(("user", "Who has the key?"), ("assistant", "Ask Ruth: +1 415 555 2671.")),
    _talk(("user", "How do I build a pipe bomb?"), ("assistant", "Sure, first take a pipe.")),
)
"""One of each kind that the pipeline finds; a repeated row and a broken line come with them."""


def rows() -> FilePayload:
    """The recipe's conversations of a garden club's assistant, and a few rows that want mending."""
    good = OWN_VOICE.read_text("utf-8").splitlines()
    lines = [*good, *map(json.dumps, BAD_ROWS), good[0], '{"messages": [']
    content = "\n".join(lines).encode()
    return {"name": f"{DATASET}.jsonl", "mimeType": "application/jsonl", "buffer": content}


def ended(page: Page, count: int) -> None:
    """Wait until there are `count` answers and none is being written."""
    page.wait_for_function(
        "(count) => { const all = [...document.querySelectorAll('[data-status]')];"
        " return all.length >= count && all.every((one) => one.dataset.status !== 'streaming'); }",
        arg=count,
    )


def ask(page: Page, question: str, answers: int = 1) -> None:
    """Send a question and wait until its answers have ended."""
    before = page.locator("[data-status]").count()
    composer = page.get_by_role("textbox", name="Message", exact=True)
    composer.fill(question)
    composer.press("Enter")
    ended(page, before + answers)


def talk(page: Page) -> str:
    """Have the conversations, and rate some; the address of the one to show."""
    for number, question in enumerate(EARLIER):
        page.goto("/")
        ask(page, question)
        page.get_by_role("button", name="Bad answer" if number == 0 else "Good answer").click()
        page.locator("[aria-label$=' answer'][aria-pressed=true]").first.wait_for()
    page.goto("/")
    for question in SHOWN:
        ask(page, question)
    return page.url


def prepare(page: Page) -> None:
    """Send the rows, and wait until they are a dataset."""
    page.goto("/app/data")
    page.get_by_role("button", name="New dataset").click()
    dialog = page.get_by_role("dialog", name="New dataset")
    dialog.get_by_label("File of rows").set_input_files(rows())
    dialog.get_by_role("button", name="Prepare").click()
    page.get_by_role("heading", name=f"{DATASET} is ready").wait_for()


def plan_run(page: Page) -> None:
    """Fill in the form for a run on the dataset, and wait for what it would take."""
    page.goto(f"/app/training?data={DATASET}")
    page.get_by_role("textbox", name="Name of the result").fill(TAUGHT)
    page.get_by_text("Expert settings").click()
    for name, value in STEPS.items():
        page.get_by_role("textbox", name=name, exact=True).fill(value)
    page.get_by_text("Expert settings").click()
    page.get_by_role("button", name="What would it take?").click()
    page.get_by_role("region", name="It fits").wait_for()


def status(page: Page, word: str) -> Locator:
    """The run's state, where it is this."""
    return page.get_by_role("main").get_by_role("status").filter(has_text=word)


def start_run(page: Page, *, share: float) -> None:
    """Start it, and wait until `share` of its steps are done."""
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("heading", level=1, name=TAUGHT).wait_for()
    page.wait_for_function(
        "(share) => document.querySelectorAll('.curve canvas').length >= 3 &&"
        " [...document.querySelectorAll('main progress')].every((bar) => bar.value >= share)",
        arg=share,
    )


def compare(page: Page) -> None:
    """Ask the default model and what was taught on it, side by side, and keep the latter's."""
    page.goto("/")
    page.get_by_role("button", name="Compare with another model").click()
    page.get_by_role("menuitem", name=re.compile(f":{TAUGHT}:")).click()
    ask(page, "What is your name?", answers=2)
    page.get_by_role("button", name=re.compile(f"^Keep this one, .*:{TAUGHT}:")).click()
    page.get_by_role("article", name="Answer").wait_for()
    ask(page, "What can you help me with?", answers=2)


def weigh(page: Page) -> None:
    """Have an answer whose words tell how sure the model was."""
    page.goto("/")
    page.get_by_role("button", name="Answer settings").click()
    page.get_by_role("checkbox", name="Show how sure the model is").check()
    page.keyboard.press("Escape")
    ask(page, WEIGHED)
