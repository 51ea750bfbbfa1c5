"""What the user has told is remembered; what was not told is not invented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from recipes.bundled.generators import small_talk
from recipes.bundled.generators.categories import CATEGORIES
from recipes.bundled.generators.names import person, pet_name, town
from recipes.bundled.generators.wording import Row, a, as_typed, capital, conversation


@dataclass(frozen=True)
class Told:
    """Something to tell about oneself. tell, reply: with `{v}` where the value stands. ask:
    questions. answers: with `{v}`. value: draws one. again: how it is put right."""

    tell: tuple[str, ...]
    reply: tuple[str, ...]
    ask: tuple[str, ...]
    answers: tuple[str, ...]
    value: Callable[[Random], str]
    again: tuple[str, ...] = ()


def _of(*values: str) -> Callable[[Random], str]:
    return lambda random: random.choice(values)


MONTHS = CATEGORIES["months"]
NOTED = (
    "Okay, I will remember that.",
    "Got it!",
    "Good to know.",
    "Thanks for telling me.",
    "Noted!",
)

THINGS: dict[str, Told] = {
    "name": Told(
        ("My name is {v}.", "I'm {v}.", "I am {v}.", "Hi, I'm {v}.", "Hello, my name is {v}.",
         "You can call me {v}.", "hey, i'm {v}", "People call me {v}.", "{v} is my name.",
         "By the way, my name is {v}.", "I'm {v}, nice to meet you."),
        ("Nice to meet you, {v}!", "Hello, {v}!", "Hi {v}! How can I help?",
         "Hello {v}, nice to meet you!"),
        ("What is my name?", "What's my name?", "Do you remember my name?",
         "what was my name again",
         "Who am I?", "Do you know my name?", "What am I called?", "Can you tell me my name?"),
        ("Your name is {v}.", "You are {v}.", "{v}.", "Your name is {v}!",
         "You told me your name is {v}."),
        lambda random: person(random).name,
        ("Sorry, my name is {v}.", "Actually, call me {v}.", "No, I'm {v}."),
    ),
    "dog": Told(
        ("I have a dog called {v}.", "My dog is called {v}.", "My dog's name is {v}.",
         "I have a dog, {v}.",
         "Let me tell you about my dog {v}.", "this is my dog {v}"),
        ("{v} is a nice name for a dog!", "Say hello to {v} from me!",
         "How lovely! I hope {v} is well."),
        ("What is my dog called?", "What is my dog's name?", "what's the name of my dog?",
         "Do you remember my dog's name?", "How is my dog called?"),
        ("Your dog is called {v}.", "{v}.", "Your dog's name is {v}."),
        pet_name,
    ),
    "cat": Told(
        ("My cat is called {v}.", "I have a cat. Her name is {v}.", "I live with a cat named {v}.",
         "My cat {v} is sleeping.", "i have a cat named {v}"),
        ("{v} is a lovely name for a cat!", "Cats are nice. Hello, {v}!", "I hope {v} is well!"),
        ("What is my cat called?", "What is my cat's name?", "what's the name of my cat?",
         "Do you remember what my cat is called?"),
        ("Your cat is called {v}.", "{v}.", "Your cat's name is {v}."),
        pet_name,
    ),
    "town": Told(
        ("I live in {v}.", "I'm living in {v}.", "My home is in {v}.", "I just moved to {v}.",
         "i live in {v} now", "We live in {v}."),
        ("{v} sounds like a nice place.", "I hope you like it in {v}.", "How is life in {v}?"),
        ("Where do I live?", "Which town do I live in?", "Do you remember where I live?",
         "where is my home?",
         "In which city do I live?"),
        ("You live in {v}.", "In {v}.", "{v}.", "You told me that you live in {v}."),
        town,
        ("Actually, I live in {v}.", "Sorry, I meant {v}. I live in {v}."),
    ),
    "colour": Told(
        ("My favourite colour is {v}.", "I love the colour {v}.", "The colour I like best is {v}.",
         "my favorite color is {v}", "{V} is my favourite colour."),
        ("{V} is a beautiful colour!", "A good choice!", *NOTED),
        ("What is my favourite colour?", "What's my favorite color?",
         "Which colour do I like best?",
         "Do you remember my favourite colour?", "what colour do i like most?"),
        ("Your favourite colour is {v}.", "{V}.", "It's {v}.", "You like {v} best."),
        _of(*CATEGORIES["colours"][:13]),
        ("Actually, my favourite colour is {v}.", "No wait, I like {v} best. My favourite is {v}."),
    ),
    "food": Told(
        ("My favourite food is {v}.", "I love {v}.", "The food I like best is {v}.",
         "i could eat {v} every"
         " day, it's my favourite food", "My favourite food? {V}!"),
        ("Yum!", "{V} sounds tasty!", "I hope you get some soon!", *NOTED),
        ("What is my favourite food?", "What food do I like best?",
         "Do you remember my favourite food?",
         "what do i love to eat?"),
        ("Your favourite food is {v}.", "{V}.", "You like {v} best."),
        _of("pizza", "pasta", "soup", "rice", "curry", "salad", "sushi", "pancakes", "noodles",
        "cheese",
            "fish", "bread", "dumplings", "chocolate"),
    ),
    "number": Told(
        ("My lucky number is {v}.", "Please remember the number {v}.", "The number is {v}.",
         "My favourite number is {v}.", "remember this number: {v}",
         "Keep the number {v} in mind for me."),
        ("Okay, {v}.", "I will remember {v}.", "Got it, {v}.", "{v}, noted!"),
        ("What was the number?", "Which number did I tell you?", "Do you remember the number?",
         "what number did i say", "What is my number?"),
        ("{v}.", "The number is {v}.", "It was {v}.", "You told me {v}."),
        lambda random: str(random.choice((random.randint(1, 99), random.randint(100, 999)))),
        ("Sorry, I meant {v}. The number is {v}.", "No, the number is {v}."),
    ),
    "job": Told(
        ("I work as {v}.", "I am {v}.", "I'm {v} by profession.", "My job? I'm {v}.",
         "i work as {v}"),
        ("That sounds like interesting work.", "That is a good job to have.", *NOTED),
        ("What is my job?", "What do I do for work?", "Do you remember my job?",
         "what do i work as?",
         "What am I by profession?"),
        ("You are {v}.", "You work as {v}.", "You told me that you are {v}."),
        lambda random: a(random.choice(CATEGORIES["jobs"])),
    ),
    "birthday": Told(
        ("My birthday is in {v}.", "I was born in {v}.", "I have my birthday in {v}.",
         "my birthday's in {v}"),
        ("{v} is a good month for a birthday!", *NOTED),
        ("When is my birthday?", "In which month is my birthday?",
         "Do you remember when my birthday is?",
         "what month was i born in?"),
        ("Your birthday is in {v}.", "In {v}.", "It is in {v}."),
        _of(*MONTHS),
    ),
    "sister": Told(
        ("My sister is called {v}.", "I have a sister, {v}.", "My sister's name is {v}.",
         "{v} is my sister."),
        ("{v} is a nice name.", "Say hello to {v}!", *NOTED),
        ("What is my sister called?", "What is my sister's name?",
         "Do you remember my sister's name?",
         "who is my sister?"),
        ("Your sister is called {v}.", "{v}.", "Your sister's name is {v}."),
        lambda random: random.choice(("Anna", "Maria", "Lucy", "Emma", "Nina", "Rosa", "Lily",
        "Kate",
                                      "Julia", "Sara", "Clara", "Mia", "Ruth", "Zoe", "Eva",
                                      "Ida")),
    ),
    "plan": Told(
        ("Tomorrow I want to {v}.", "I am going to {v} tomorrow.",
         "My plan for tomorrow is to {v}.",
         "tomorrow i'll {v}"),
        ("That sounds like a good plan!", "Have fun!", "I hope it goes well!", *NOTED),
        ("What is my plan for tomorrow?", "What am I going to do tomorrow?",
         "what do i want to do tomorrow?",
         "Do you remember my plan for tomorrow?"),
        ("You want to {v}.", "Tomorrow you want to {v}.", "Your plan is to {v}."),
        _of("visit my aunt", "go swimming", "bake bread", "clean the house", "buy a new lamp",
        "plant roses",
            "read a book", "ride a bike", "go to the zoo", "see a film", "cook soup",
            "wash the car",
            "paint the door", "meet a friend", "climb a hill", "write a letter",
            "go to the market"),
    ),
    "drink": Told(
        ("I like {v} best of all drinks.", "My favourite drink is {v}.", "I always drink {v} in the"
         " morning, it's my favourite drink."),
        ("A cup of {v} is always nice.", "{V}, how nice!", *NOTED),
        ("What is my favourite drink?", "What do I like to drink?", "which drink do i like best?"),
        ("Your favourite drink is {v}.", "{V}.", "You like {v} best."),
        _of("tea", "coffee", "milk", "cocoa", "lemonade", "apple juice", "water", "orange juice"),
    ),
}  # fmt: skip

NEVER = (
    "You haven't told me that.", "You haven't told me.", "I don't know. You haven't told me yet.",
    "You didn't tell me that.", "I don't know that. You haven't said.",
    "Sorry, you haven't told me that yet.", "I can't know that. You haven't told me.",
)  # fmt: skip
FIRST_ASK = (
    "{q}",
    "{q}",
    "{q}",
    "So, {l}",
    "Now tell me: {l}",
    "Quick test: {l}",
    "Hey, {l}",
    "And {l}",
)
BOTH = ("Nice to meet you, {v}!", "Thanks for telling me, {v}!", "Hello {v}! Good to know.")


def generate(random: Random) -> Row:
    """Things told among small talk, and asked for in the end."""
    said = small_talk.opening(random) if random.random() < 0.25 else []
    keys = random.sample(list(THINGS), random.choice((1, 1, 2, 2, 3)))
    values: dict[str, str] = {}
    for key in keys:
        values[key] = _new_value(random, key, values)
        said += tell(random, key, values[key])
    if len(keys) == 2 and "name" in keys and random.random() < 0.4:
        said = together(random, keys, values)
    if random.random() < 0.12 and THINGS[keys[0]].again:
        values[keys[0]] = _new_value(random, keys[0], values)
        said += _corrected(random, keys[0], values[keys[0]])
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        said += small_talk.exchange(random)
    asked = random.sample(keys, random.randint(1, len(keys)))
    if random.random() < 0.25:
        unknown = random.choice([key for key in THINGS if key not in keys])
        asked = random.choice(([unknown], [unknown], [*asked, unknown], [unknown, *asked]))
    for key in asked:
        said += recall(random, key, values.get(key))
    return conversation("memory", *said)


def _new_value(random: Random, key: str, values: dict[str, str]) -> str:
    while True:
        value = THINGS[key].value(random)
        if value not in values.values():
            return value


def tell(random: Random, key: str, value: str) -> list[str]:
    """The user tells something, the assistant takes note."""
    thing = THINGS[key]
    text = random.choice(thing.tell).format(v=value, V=capital(value))
    reply = random.choice(thing.reply).format(v=value, V=capital(value))
    return [as_typed(random, text, keep=value.split()), reply]


def together(random: Random, keys: list[str], values: dict[str, str]) -> list[str]:
    """A name and another thing told at once."""
    texts = [random.choice(THINGS[key].tell).format(v=values[key], V=capital(values[key]))
             for key in sorted(keys, key=lambda key: key != "name")]  # fmt: skip
    first = texts[0] if texts[0].endswith((".", "!")) else f"{texts[0]}."
    return [f"{first} {texts[1]}", random.choice(BOTH).format(v=values["name"])]


def _corrected(random: Random, key: str, value: str) -> list[str]:
    text = random.choice(THINGS[key].again).format(v=value)
    return [
        text,
        random.choice(("Okay, I will remember that.", f"All right, {value}.", "Thanks, noted.")),
    ]


def recall(random: Random, key: str, value: str | None) -> list[str]:
    """The user asks back. value: what was told; None where nothing was."""
    thing = THINGS[key]
    question = random.choice(thing.ask)
    lower = question if question.startswith("I ") else question[:1].lower() + question[1:]
    asked = as_typed(random, random.choice(FIRST_ASK).format(q=question, l=lower))
    if value is None:
        return [asked, random.choice(NEVER)]
    mine = value.replace("my ", "your ")
    return [asked, random.choice(thing.answers).format(v=mine, V=capital(mine))]
