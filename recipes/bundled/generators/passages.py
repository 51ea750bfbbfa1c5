"""A short text and questions about it: what it says, and what it does not say."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators import scenes_days, scenes_paper, scenes_people, scenes_town
from recipes.bundled.generators.scene import Asked, Fact, MakeScene, Scene
from recipes.bundled.generators.wording import Row, as_typed, conversation

SCENES: tuple[MakeScene, ...] = (
    *scenes_people.SCENES,
    *scenes_town.SCENES,
    *scenes_paper.SCENES,
    *scenes_days.SCENES,
)

NOT_SAID = (
    "The text doesn't say.", "The text doesn't say.", "The text does not say.",
    "That is not in the text.", "The text doesn't tell.", "I can't tell from the text.",
    "It doesn't say.", "The text doesn't mention that.", "There is nothing about that in the text.",
    "I don't know, the text doesn't say.", "Sorry, the text doesn't say that.",
    "The text does not tell us that.", "That isn't said in the text.", "Not in the text.",
)  # fmt: skip
FRAMES = (
    "{t}\n\n{q}", "{t}\n\n{q}", "{t} {q}", "{t}\n{q}", "{q}\n\n{t}", "{q} {t}",
    "Read this text: {t}\n\n{q}", "Text: {t}\nQuestion: {q}", "Text: {t}\n\nQuestion: {q}\nAnswer:",
    "Here is a short text.\n\n{t}\n\n{q}", 'Here is a text: "{t}" {q}',
    "Passage: {t}\n\nQuestion: {q}", "Read the text and answer the question.\n\n{t}\n\n{q}",
    "Answer from the text.\n{t}\n{q}", "Use only this text to answer.\n\n{t}\n\n{q}",
    "I have this text: {t} Now tell me: {q}", "{t}\n\nBased on this text: {q}",
    "Context: {t}\n\nQ: {q}\nA:", "Please read this.\n{t}\n\n{q}", "Question: {q}\n\nText: {t}",
    "Someone wrote: {t} My question: {q}", '"{t}"\n{q}',
    "Look at this:\n{t}\n\nMy question is: {q}", "{t}\n\nFrom the text: {q}",
    "{q} Find the answer in this text:\n\n{t}", "here's a story. {t} {q}",
    "According to the text below, {l}\n\n{t}", "{t}\n\nAccording to the text, {l}",
)  # fmt: skip
FOLLOWING = (
    "{q}", "{q}", "{q}", "And {l}", "Another question: {q}", "ok, and {l}", "Thanks. {q}",
    "One more: {q}",
)  # fmt: skip
READY = (
    (
        "Read this text, I will ask you about it. {t}",
        "Okay, I have read it. What is your question?",
    ),
    ("I'll give you a text.\n\n{t}", "Thank you. What would you like to know?"),
    ("{t}\n\nI have some questions about this.", "Sure, go ahead."),
    ("Please read: {t}", "I have read it. What do you want to know?"),
)
ONE_WORD = ("Answer in one word.", "One word only.", "Just one word please.", "(one word)")
UNANSWERED = 0.25
LONGEST = 6
"""Sentences of a text."""


def generate(random: Random) -> Row:
    """A text with one question, or with two or three, one after the other."""
    scene = random.choice(SCENES)(random)
    text, stated, left_out = written(random, scene)
    count = 1 if random.random() < 0.6 else random.randint(2, 3)
    said: list[str] = []
    answered: list[Asked] = []
    for number in range(count):
        question, answer = _asked(random, scene, stated, left_out, answered)
        typed = as_typed(random, question)
        lower = typed if typed.startswith("I ") else typed[:1].lower() + typed[1:]
        if number == 0 and random.random() < 0.08:
            frame, ready = random.choice(READY)
            said += [frame.format(t=text), ready, typed]
        else:
            frames = FOLLOWING if said else FRAMES
            said.append(random.choice(frames).format(t=text, q=typed, l=lower))
        said.append(answer)
    return conversation("passage", *said)


def written(random: Random, scene: Scene) -> tuple[str, list[Fact], list[Fact]]:
    """The text, the facts it states and those that it leaves out."""
    room = LONGEST - len(scene.first)
    count = random.randint(1, min(room, len(scene.more)))
    places = set(random.sample(range(len(scene.more)), count))
    kept = [one for place, one in enumerate(scene.more) if place in places]
    left_out = [one for place, one in enumerate(scene.more) if place not in places]
    stated = [*scene.first, *kept]
    return " ".join(one.sentence for one in stated), stated, left_out


def _asked(
    random: Random, scene: Scene, stated: list[Fact], left_out: list[Fact], before: list[Asked]
) -> tuple[str, str]:
    """A question not asked before, and its answer. before: what was asked; kept up to date."""
    if random.random() < UNANSWERED:
        missing = [asked for one in left_out for asked in one.asked]
        if missing and random.random() < 0.6:
            return random.choice(random.choice(missing).questions), random.choice(NOT_SAID)
        return random.choice(scene.unknown), random.choice(NOT_SAID)
    choices = [asked for one in stated for asked in one.asked if asked not in before]
    chosen = random.choice(choices)
    before.append(chosen)
    question, short = random.choice(chosen.questions), min(chosen.answers, key=len)
    if " " not in short and random.random() < 0.12:
        return f"{question} {random.choice(ONE_WORD)}", short
    return question, random.choice(chosen.answers)
