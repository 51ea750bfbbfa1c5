"""Questions about the facts of `world_tables.py`."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators import world_tables as tables
from recipes.bundled.generators.wording import (
    Row,
    a,
    as_typed,
    capital,
    conversation,
    each_word,
    listed,
)

YOUNG = (
    ("What is a baby {x} called?", "What do you call a young {x}?", "what's a baby {x} called",
     "What is the young of {a} called?", "Name for a baby {x}?", "A young {x} is called...?",
     "Tell me what a baby {x} is called.", "How do we call a young {x}?"),
    ("A baby {x} is called {b}.", "{B}.", "It is called {b}.", "A young {x} is {b}.", "{B}!"),
)  # fmt: skip
WHOSE = (
    (
        "What animal is {b} the young of?",
        "Which animal has {b} as its baby?",
        "{B} is a baby what?",
    ),
    ("{A}.", "{B} is a baby {x}.", "It is a baby {x}."),
)
SOUND = (
    ("What sound does {a} make?", "What does {a} do when it makes a noise?",
     "which noise does {a} make", "How does {a} sound?", "What noise does {a} make?",
     "A {x} makes which sound?"), ("{A} {s}.", "It {s}.", "{A} {s}."),
)  # fmt: skip
HOME = (
    ("Where does {a} live?", "What is the home of {a}?", "where do you find {a}",
     "Where does {a} sleep?", "In what kind of place does {a} live?"),
    ("{A} lives in {h}.", "In {h}.", "It lives in {h}."),
)  # fmt: skip
LEGS = (
    ("How many legs does {a} have?", "How many legs has {a}?", "number of legs of {a}?",
     "Does {a} have legs and how many?", "Tell me how many legs {a} has.",
     "{A} has how many legs?"),
    ("{A} has {n} legs.", "{n}.", "It has {n} legs."),
)  # fmt: skip
EATS = (
    (
        "What does {a} eat?",
        "What do you feed {a}?",
        "what food does {a} like",
        "What is the food of {a}?",
    ),
    ("{A} eats {f}.", "{F}.", "It eats {f}."),
)
COVERED = (
    ("What covers the body of {a}?", "Does {a} have fur, feathers, wool or scales?",
     "What is on the skin of {a}: fur, feathers, wool or scales?"),
    ("{F}.", "{A} has {f}.", "It has {f}."),
)  # fmt: skip
FLIES = ("Can {a} fly?", "can {a} fly", "Is {a} able to fly?", "Does {a} fly?")
COLOUR = (
    ("What colour is {t}?", "What color is {t}?", "Which colour has {t}?",
     "what is the colour of {t}", "Tell me the colour of {t}.", "Do you know what colour {t} is?"),
    ("{T} is {c}.", "{C}.", "It is {c}.", "It's {c}."),
)  # fmt: skip
MIX = (
    ("What do you get when you mix {x} and {y}?", "What colour do {x} and {y} make?",
     "{x} and {y} mixed make which colour?", "If I mix {y} with {x}, what colour comes out?"),
    ("You get {z}.", "{Z}.", "{X} and {y} make {z}."),
)  # fmt: skip
WHO = (
    ("Who {w}?", "What do we call a person who {w}?", "Someone who {w} is called what?",
     "which job: {w}?", "What is the job of somebody who {w}?", "who {w}"),
    ("{J}.", "Someone who {w} is {j}.", "{J} {w}.", "That is {j}."),
)  # fmt: skip
DOES = (
    ("What does {j} do?", "what's the work of {j}?", "What is {j}?", "Tell me what {j} does."),
    ("{J} {w}.", "{J} is someone who {w}."),
)
WORKS_IN = (
    ("Where does {a} work?", "In what place does {a} work?", "where can i find {a} at work"),
    ("In {p}.", "{A} works in {p}."),
)
MADE_OF = (
    ("What is {t} made of?", "What is {t} made from?", "what do you need to make {t}",
     "Tell me what {t} is made of.", "Do you know what {t} is made from?"),
    ("{M}.", "It is made from {m}.", "{T} is made from {m}."),
)  # fmt: skip
USED = (
    (
        "What is {t} for?",
        "What do you use {t} for?",
        "what do people do with {t}",
        "Why do we need {t}?",
    ),
    ("For {u}.", "{T} is for {u}.", "It is for {u}."),
)
BODY = (
    ("What do we {v} with?", "Which part of the body do we use to {v}?", "what do you need to {v}",
     "With what do people {v}?"), ("With our {b}.", "Our {b}.", "We {v} with our {b}."),
)  # fmt: skip
SEASON = (
    ("Which season comes after {x}?", "What comes after {x}?", "What is the season after {x}?"),
    ("{Y}.", "{Y} comes after {x}.", "After {x} comes {y}."),
)
PLANETS = (
    ("Which planet is number {n} from the sun?", "What is the {o} planet from the sun?",
     "the {o} planet?", "Name the {o} planet from the sun."),
    ("{P}.", "It is {P}.", "{P} is the {o} planet from the sun."),
)  # fmt: skip
OPEN_SAID = ("{A}.", "{A}.", "It is {a}.", "{A}")
ORDINALS = each_word("first second third fourth fifth sixth seventh eighth")


def generate(random: Random) -> Row:
    """One to three questions about plain facts."""
    said = _one(random)
    while random.random() < 0.2 and len(said) < 6:
        said += _one(random)
    return conversation("facts", *said)


def _one(random: Random) -> list[str]:
    question, answer = random.choice(
        (_animal, _animal, _animal, _thing, _thing, _work, _open, _open, _order, _colour)
    )(random)
    return [as_typed(random, question), answer.replace("..", ".")]


def _put(random: Random, forms: tuple[tuple[str, ...], ...], **values: object) -> tuple[str, str]:
    """A question and an answer with the values in their places; {KEY}: with a large letter."""
    large = {key.upper(): capital(str(value)) for key, value in values.items()}
    both = {**large, **values}
    return capital(random.choice(forms[0]).format(**both)), random.choice(forms[1]).format(**both)


def _animal(random: Random) -> tuple[str, str]:
    kind = random.random()
    if kind < 0.3:
        animal, young = random.choice(list(tables.YOUNG.items()))
        unique = list(tables.YOUNG.values()).count(young) == 1
        if unique and random.random() < 0.3:
            return _put(random, WHOSE, x=animal, a=a(animal), b=a(young))
        return _put(random, YOUNG, x=animal, a=a(animal), b=a(young))
    if kind < 0.45:
        animal, sound = random.choice(list(tables.SOUNDS.items()))
        return _put(random, SOUND, x=animal, a=a(animal), s=sound)
    if kind < 0.6:
        animal, home = random.choice(list(tables.HOMES.items()))
        return _put(random, HOME, a=a(animal), h=home)
    if kind < 0.75:
        animal, legs = random.choice(list(tables.LEGS.items()))
        said = LEGS[1] if legs else ("{A} has no legs.", "None.", "It has no legs.")
        return _put(random, (LEGS[0], said), a=a(animal), n=legs)
    if kind < 0.85:
        animal, food = random.choice(list(tables.EATS.items()))
        return _put(random, EATS, a=a(animal), f=food)
    if kind < 0.92:
        animal, cover = random.choice(list(tables.COVERED.items()))
        return _put(random, COVERED, a=a(animal), f=cover)
    animal, can = random.choice(list(tables.FLIES.items()))
    told = ("Yes.", "Yes, {x} can fly.") if can else ("No.", "No, {x} cannot fly.")
    return random.choice(FLIES).format(a=a(animal)), random.choice(told).format(x=a(animal))


def _thing(random: Random) -> tuple[str, str]:
    if random.random() < 0.5:
        thing, material = random.choice(list(tables.MADE_OF.items()))
        question, answer = _put(random, MADE_OF, t=thing, m=material)
    else:
        thing, use = random.choice(list(tables.USED_FOR.items()))
        question, answer = _put(random, USED, t=thing, u=use)
    if thing in ("scissors", "glasses", "raisins", "chips"):
        question = question.replace("is " + thing, "are " + thing).replace(
            thing + " is", thing + " are"
        )
        answer = answer.replace(capital(thing) + " is", capital(thing) + " are")
        answer = answer.replace("It is", "They are").replace("it is", "they are")
    return question, answer


def _work(random: Random) -> tuple[str, str]:
    kind = random.random()
    if kind < 0.5:
        work, job = random.choice(list(tables.WORK.items()))
        return _put(random, WHO, w=work, j=a(job))
    if kind < 0.75:
        work, job = random.choice(list(tables.WORK.items()))
        return _put(random, DOES, w=work, j=a(job))
    if kind < 0.9:
        job, place = random.choice(list(tables.WORKS_IN.items()))
        return _put(random, WORKS_IN, a=a(job), p=place)
    verb, part = random.choice(list(tables.BODY.items()))
    return _put(random, BODY, v=verb, b=part)


def _open(random: Random) -> tuple[str, str]:
    if random.random() < 0.15:
        question, number = random.choice(tables.NUMBERS)
        return question, random.choice((f"{number}.", f"{number}", f"The answer is {number}."))
    question, answer = random.choice(tables.OPEN)
    said = (
        OPEN_SAID
        if question.startswith(("What is", "Which")) and "ies" not in answer
        else OPEN_SAID[:2]
    )
    return question, random.choice(said).format(A=capital(answer), a=answer)


def _order(random: Random) -> tuple[str, str]:
    if random.random() < 0.4:
        season, after = random.choice(list(tables.SEASON_AFTER.items()))
        return _put(random, SEASON, x=season, y=after)
    place = random.randrange(8)
    if random.random() < 0.1:
        return "What are the planets of our solar system?", f"{listed(tables.PLANETS)}."
    return _put(random, PLANETS, n=place + 1, o=ORDINALS[place], p=tables.PLANETS[place])


def _colour(random: Random) -> tuple[str, str]:
    if random.random() < 0.2:
        x, y, mixed = random.choice(tables.MIXED)
        return _put(random, MIX, x=x, y=y, z=mixed)
    thing, colour = random.choice(list(tables.COLOURS.items()))
    return _put(random, COLOUR, t=thing, c=colour)
