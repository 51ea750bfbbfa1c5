"""Lists of exactly so many things, in the form that is asked for, and questions about a list."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.categories import CATEGORIES, many
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.wording import (
    Row,
    as_typed,
    capital,
    conversation,
    listed,
    without_marks,
)

NAMED = {"weather": "kinds of weather", "clothes": "pieces of clothing"}
NOT_COUNTED = ("months", "planets", "days of the week", "seasons")
"""These have an order of their own, and few members: told from the first on."""

NAME = (
    "Name {n} {c}.", "Name {n} {c}.", "Give me {n} {c}.", "Tell me {n} {c}.", "List {n} {c}.",
    "Can you name {n} {c}?", "I need {n} {c}.", "{N} {c}, please.", "Write down {n} {c}.",
    "Could you list {n} {c} for me?", "please give me the names of {n} {c}", "What are {n} {c}?",
    "Do you know {n} {c}?", "say {n} {c}", "Think of {n} {c}.", "Mention {n} {c}.",
)  # fmt: skip
BULLETS = (
    "{a} Use bullet points.", "{a} Write them as a bullet list.", "{a} Make a list with dashes.",
    "{a} As bullet points please.", "Make a bullet list of {n} {c}.",
    "Write a bulleted list with {n} {c}.", "Give me a bullet list of exactly {n} {c}.",
    "bullet list: {n} {c}", "List {n} {c} with a dash before each.",
    "{a} Put each on its own line with a dash.",
)  # fmt: skip
NUMBERED = (
    "{a} Number them.", "{a} Write them as a numbered list.", "Make a numbered list of {n} {c}.",
    "Give me a numbered list with {n} {c}.", "numbered list of {n} {c} please",
    "{a} Use numbers 1 to {d}.", "Write a numbered list: {n} {c}.",
)  # fmt: skip
COMMAS = (
    "{a} Separate them with commas.", "{a} Write them on one line with commas.",
    "{a} Comma separated.", "{n} {c}, separated by commas",
    "Give me {n} {c} with commas between them.", "{a} Use only commas, no other words.",
)  # fmt: skip
PLAIN_SAID = ("{l}.", "{l}.", "{N} {c} are {m}.", "Here are {n} {c}: {m}.", "Sure: {m}.", "{l}")
BULLETS_AGAIN = (
    "Make bullet points from this: {l}", "Write this as a bullet list: {l}",
    "Turn this into a list with dashes: {l}", "{l} - as bullet points please", "bullet points: {l}",
    "Put these in a bullet list: {l}",
)  # fmt: skip
NUMBERED_AGAIN = (
    "Number these: {l}", "Write this as a numbered list: {l}", "Make a numbered list from: {l}",
    "Turn this into a numbered list: {l}", "number this list {l}",
)  # fmt: skip
COMMAS_AGAIN = (
    "Write this list on one line with commas:\n{b}", "Make this comma separated:\n{b}",
    "Put these on one line, separated by commas.\n{b}", "{b}\n\nWrite that with commas.",
)  # fmt: skip
PLACES = (
    ("first", 0), ("first", 0), ("last", -1), ("last", -1), ("second", 1), ("third", 2),
)  # fmt: skip
PLACE = (
    "What is the {o} item in this list: {l}?", "Which one is {o}: {l}?",
    "Give me the {o} word of this list: {l}", "What is the {o} one? {l}",
    "{l}. What is the {o} item?", "Here is a list: {l}. Which is the {o} thing in it?",
    "list: {l}\n{o} item?", "Tell me only the {o} item: {l}", "From this list take the {o}: {l}",
)  # fmt: skip
HOW_MANY = (
    "How many items are in this list: {l}?", "Count these: {l}", "How many things are here: {l}?",
    "how many words are in this list? {l}", "{l} - how many is that?",
)  # fmt: skip
IN_LIST = (
    "Is {x} in this list: {l}?", "Does this list have {x}? {l}", "{l}. Is {x} there?",
    "is {x} one of these: {l}",
)  # fmt: skip
ODD_ONE = (
    "Which one does not belong: {l}?", "What is the odd one out? {l}", "Find the odd one out: {l}",
    "Which word does not fit? {l}", "One of these does not fit: {l}. Which?",
)  # fmt: skip
KIND = (
    "Is {a} one of the {c}?", "Does {a} belong to the {c}?", "Is {a} among the {c}?",
)  # fmt: skip
WHAT_KIND = (
    "What are {l}?", "{l}: what are these?", "What do {l} have in common?",
    "What kind of things are {l}?",
)  # fmt: skip
APART = (
    "animals", "fruits", "clothes", "musical instruments", "jobs", "vehicles", "sports",
    "languages", "pieces of furniture",
)  # fmt: skip
"""No member of one is a member of another."""


def plural(category: str) -> str:
    """What several members of a category are called."""
    return NAMED.get(category, category)


def bulleted(items: list[str]) -> str:
    """A line for each, with a dash."""
    return "\n".join(f"- {item}" for item in items)


def numbered(items: list[str]) -> str:
    """A line for each, with its number."""
    return "\n".join(f"{place}. {item}" for place, item in enumerate(items, 1))


def generate(random: Random) -> Row:
    """A list to make, to change or to look at."""
    kind = random.random()
    if kind < 0.55:
        return _made(random)
    if kind < 0.7:
        return _changed(random)
    if kind < 0.9:
        return _looked_at(random)
    return _belongs(random)


def _members(random: Random, category: str, count: int) -> list[str]:
    members = CATEGORIES[category]
    return list(members[:count]) if category in NOT_COUNTED else random.sample(members, count)


def _made(random: Random) -> Row:
    category = random.choice(list(CATEGORIES))
    count = random.choice((2, 3, 3, 3, 4, 4, 5, 5, 6))
    count = min(count, len(CATEGORIES[category]))
    items = _members(random, category, count)
    shown = in_words(count) if random.random() < 0.7 else str(count)
    name = plural(category)
    ask = random.choice(NAME).format(n=shown, c=name, N=capital(shown))
    sentence = ask if ask[-1] in ".?" else f"{ask}."
    values = {"a": sentence, "n": shown, "c": name, "d": str(count), "N": capital(shown)}
    form = random.random()
    if form < 0.35:
        answer = bulleted(items)
        question = random.choice(BULLETS).format(**values)
    elif form < 0.55:
        answer = numbered(items)
        question = random.choice(NUMBERED).format(**values)
    elif form < 0.7:
        answer = ", ".join(items)
        question = random.choice(COMMAS).format(**values)
    else:
        question = ask
        answer = random.choice(PLAIN_SAID).format(
            l=capital(listed(items)),
            m=listed(items),
            N=capital(in_words(count)),
            n=in_words(count),
            c=name,
        )
    said = [as_typed(random, question), answer]
    left = [one for one in CATEGORIES[category] if one not in items]
    if left and category not in NOT_COUNTED and random.random() < 0.12:
        said += [random.choice(("One more.", "another one please", "And one more?",
        "One more please.")),
                 capital(f"{random.choice(left)}.")]  # fmt: skip
    return conversation("list", *said)


def _some(random: Random) -> list[str]:
    category = random.choice([name for name in CATEGORIES if len(CATEGORIES[name]) > 7])
    return random.sample(CATEGORIES[category], random.randint(3, 5))


def _changed(random: Random) -> Row:
    items = _some(random)
    kind = random.random()
    if kind < 0.4:
        question, answer = random.choice(BULLETS_AGAIN).format(l=", ".join(items)), bulleted(items)
    elif kind < 0.7:
        question, answer = random.choice(NUMBERED_AGAIN).format(l=", ".join(items)), numbered(items)
    else:
        lines = random.choice((bulleted, numbered))(items)
        question, answer = random.choice(COMMAS_AGAIN).format(b=lines), ", ".join(items)
    return conversation("list", without_marks(random, question), answer)


def _looked_at(random: Random) -> Row:
    items = _some(random)
    shown = ", ".join(items)
    kind = random.random()
    if kind < 0.6:
        order, place = random.choice(PLACES)
        question = random.choice(PLACE).format(o=order, l=shown)
        item = items[place]
        said = ("{i}", "{I}.", "The {o} item is {i}.", "{I}", "It is {i}.")
        answer = random.choice(said).format(i=item, I=capital(item), o=order)
    elif kind < 0.8:
        question = random.choice(HOW_MANY).format(l=shown)
        answer = random.choice(("{n}.", "{w}.", "There are {n}.", "There are {n} items.")).format(
            n=len(items), w=capital(in_words(len(items)))
        )
    else:
        inside = random.random() < 0.5
        item = random.choice(items) if inside else random.choice(_some(random))
        inside = item in items
        question = random.choice(IN_LIST).format(x=item, l=shown)
        answer = random.choice(("Yes.", f"Yes, {item} is in the list.") if inside else
                               ("No.", f"No, {item} is not in the list."))  # fmt: skip
    return conversation("list", without_marks(random, capital(question)), answer)


def _belongs(random: Random) -> Row:
    mine, other = random.sample(APART, 2)
    kind = random.random()
    if kind < 0.45:
        items = random.sample(CATEGORIES[mine], 3)
        stranger = random.choice(CATEGORIES[other])
        shown = random.sample([*items, stranger], 4)
        question = random.choice(ODD_ONE).format(l=", ".join(shown))
        said = ("{S}.", "{S}. The others are {c}.", "{S} does not fit, the others are {c}.")
        answer = random.choice(said).format(S=capital(stranger), c=plural(mine))
    elif kind < 0.75:
        items = random.sample(CATEGORIES[mine], 3)
        question = random.choice(WHAT_KIND).format(
            l=listed([_several(mine, item) for item in items])
        )
        answer = random.choice(("They are {c}.", "{C}.", "They are all {c}.")).format(
            c=plural(mine), C=capital(plural(mine))
        )
    else:
        yes = random.random() < 0.5
        item = random.choice(CATEGORIES[mine if yes else other])
        question = random.choice(KIND).format(a=item, c=plural(mine))
        answer = random.choice(("Yes.", "Yes, it is.") if yes else ("No.", "No, it is not."))
        if not question.startswith("Is"):
            answer = random.choice(
                ("Yes.", "Yes, it does.") if yes else ("No.", "No, it does not.")
            )
    return conversation("list", as_typed(random, capital(question)), answer)


def _several(category: str, item: str) -> str:
    uncountable = category in ("sports", "languages") or item in ("jeans", "trousers", "shorts")
    return item if uncountable or item == "sheep" else many(item)
