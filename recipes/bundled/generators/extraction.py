"""Names, numbers, addresses and dates taken out of a sentence, and sentences turned into JSON."""

from __future__ import annotations

import json
from random import Random

from recipes.bundled.generators.categories import CATEGORIES
from recipes.bundled.generators.names import FAMILY_NAMES, STREETS, Person, person, town
from recipes.bundled.generators.wording import Row, capital, conversation, listed, without_marks

DOMAINS = (
    "mail.com", "post.org", "example.com", "home.net", "work.org", "letters.net", "school.edu",
    "garden.org", "bakery.com", "example.org",
)  # fmt: skip
DAYS, MONTHS = CATEGORIES["days of the week"], CATEGORIES["months"]

SENTENCES = (
    "Hello, my name is {name} and my email is {email}.", "You can write to {name} at {email}.",
    "{name} lives in {town} and can be called at {phone}.", "Please call {name} at {phone}.",
    "{name} will come on {day} at {time}.", "The meeting with {name} is on {date} in {town}.",
    "{name} paid {price} for the ticket to {town}.",
    "Order number {order} is for {name}, {street}.",
    "For questions write to {email} or call {phone}.",
    "{name} from {town} bought {count} chairs on {day}.",
    "The train to {town} leaves at {time} on {day}.", "I met {name} in {town} on {date}.",
    "{name} was born on {date} in {town}.", "Send the box to {name}, {street}, {town}.",
    "Our shop in {town} is open until {time}, phone {phone}.", "{name} turned {age} on {date}.",
    "My friend {name} is {age} years old and lives in {street}.",
    "The bill of {price} was paid by {name}.",
    "Room {room} is free from {date}, please ask {name}.", "On {day} {name} will travel to {town}.",
    "If you see {name}, tell {them} to write to {email}.",
    "{name} works in {town}, the office is in {street}.",
)  # fmt: skip
FIELDS: dict[str, tuple[str, ...]] = {
    "name": ("name", "person's name", "name of the person", "person"),
    "email": ("email", "email address", "e-mail address", "mail address"),
    "phone": ("phone number", "telephone number", "phone number"),
    "town": ("town", "city", "name of the town", "place"),
    "day": ("day", "weekday", "day of the week"),
    "date": ("date", "date"),
    "time": ("time", "time of day"),
    "price": ("price", "amount of money", "amount"),
    "order": ("order number", "number of the order"),
    "room": ("room number", "number of the room", "room"),
    "street": ("street", "name of the street", "street"),
    "age": ("age",),
    "count": ("number of chairs", "number"),
}
ASK = (
    "What is the {f} in this sentence? {s}", "Find the {f}: {s}", "Extract the {f}: {s}",
    "Give me only the {f}. {s}", "{s}\n\nWhat is the {f}?", "{s} What's the {f}?",
    "Take the {f} out of this: {s}", "Write down just the {f}: {s}",
    'Look for the {f} in this text: "{s}"', "{s}\nExtract the {f}.", "Pull out the {f} from: {s}",
    "Read this and tell me the {f}. {s}", "{f}? {s}", "Text: {s}\nOnly answer with the {f}.",
    "I only need the {f}. {s}",
)  # fmt: skip
ALL = (
    "List everything as JSON with the keys {k}. {s}", "{s} Write this as JSON with the keys {k}.",
    "Make JSON from this with {k}: {s}", "Turn this into a JSON object with the keys {k}: {s}",
    "{s}\n\nJSON with the keys {k} please.", "Answer only with JSON. Keys: {k}. {s}",
    "Extract {k} as JSON: {s}", "Give me a JSON object ({k}) for this sentence: {s}",
    "convert to json with {k}: {s}", 'Put this into JSON. Use the keys {k}. "{s}"',
)  # fmt: skip
ABOUT = (
    ("{name} is {age} years old and lives in {town}.", ("name", "age", "town")),
    ("{name} is {age}.", ("name", "age")),
    ("{name} from {town} likes {colour}.", ("name", "town", "colour")),
    ("A {colour} {thing} costs {cost} dollars.", ("item", "colour", "price")),
    ("We need {count} {things}.", ("item", "count")),
    ("{name} has {count} {animal}s.", ("name", "animal", "count")),
    ("The {sport} course is on {day} at {time}.", ("course", "day", "time")),
    ("{name}'s email is {email} and {their} town is {town}.", ("name", "email", "town")),
    ("{name} works as a {job} in {town}.", ("name", "job", "town")),
    ("My name is {name}, I am {age} years old.", ("name", "age")),
)


def values_of(random: Random, one: Person) -> dict[str, str]:
    """A value for every field."""
    family = random.choice(FAMILY_NAMES)
    email = random.choice((one.name, f"{one.name}.{family}", f"{one.name}{random.randint(2, 99)}"))
    hour, minute = random.randint(1, 12), random.choice(("00", "15", "30", "45"))
    return {
        "name": random.choice((one.name, one.name, f"{one.name} {family}")),
        "them": one.them,
        "their": one.their,
        "email": f"{email.lower()}@{random.choice(DOMAINS)}",
        "phone": "-".join(f"{random.randint(0, 999):03d}" for _ in range(random.randint(2, 3))),
        "town": town(random),
        "day": random.choice(DAYS),
        "date": f"{random.randint(1, 28)} {random.choice(MONTHS)}",
        "time": random.choice((f"{hour}:{minute}", f"{hour}:{minute} pm", f"{hour} pm")),
        "price": random.choice(("{} dollars", "${}", "{} euros")).format(random.randint(3, 250)),
        "order": str(random.randint(100, 99_999)),
        "room": str(random.randint(1, 60)),
        "street": random.choice(STREETS),
        "age": str(random.randint(6, 80)),
        "count": str(random.randint(2, 40)),
    }


def generate(random: Random) -> Row:
    """One sentence, and what is to be found in it."""
    one = person(random)
    values = values_of(random, one)
    kind = random.random()
    if kind < 0.3:
        return _as_json(random, values)
    sentence = random.choice(SENTENCES)
    keys = [key for key in FIELDS if f"{{{key}}}" in sentence]
    if kind > 0.9:
        return _several(random, sentence, keys, values)
    key = random.choice(keys)
    field = random.choice(FIELDS[key])
    question = random.choice(ASK).format(f=field, s=sentence.format(**values))
    said = ("{v}", "{v}", "{v}.", "The {f} is {v}.")
    answer = random.choice(said if key != "email" else said[:2]).format(v=values[key], f=field)
    return conversation("extraction", without_marks(random, capital(question)), answer)


def _several(random: Random, sentence: str, keys: list[str], values: dict[str, str]) -> Row:
    """All that a sentence holds, as JSON, everything as text."""
    question = random.choice(ALL).format(k=listed(keys), s=sentence.format(**values))
    answer = json.dumps({key: values[key] for key in keys})
    return conversation("json", without_marks(random, question), answer)


def _as_json(random: Random, values: dict[str, str]) -> Row:
    """A sentence as JSON, numbers as numbers."""
    sentence, keys = random.choice(ABOUT)
    thing = random.choice(("lamp", "chair", "cup", "bag", "shirt", "bike", "pen", "hat", "plate"))
    given = {
        **values,
        "colour": random.choice(CATEGORIES["colours"][:9]).replace("orange", "pink"),
        "thing": thing,
        "things": random.choice(("chairs", "cups", "apples", "eggs", "pens", "plates", "lemons")),
        "cost": str(random.randint(2, 90)),
        "animal": random.choice(("dog", "cat", "rabbit", "goat", "horse", "duck", "parrot")),
        "sport": random.choice(("tennis", "swimming", "judo", "dance", "cooking", "chess")),
        "job": random.choice([job for job in CATEGORIES["jobs"] if job[0] not in "aeiou"]),
    }
    used = {
        "item": "thing" if "{thing}" in sentence else "things",
        "price": "cost",
        "course": "sport",
    }
    result: dict[str, object] = {}
    for key in keys:
        value = given[used.get(key, key)]
        result[key] = int(value) if key in ("age", "count", "price") else value
    shown = listed(keys) if random.random() < 0.7 else ", ".join(f'"{key}"' for key in keys)
    question = random.choice(ALL).format(k=shown, s=sentence.format(**given))
    return conversation("json", without_marks(random, question), json.dumps(result))
