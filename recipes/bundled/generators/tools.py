"""Requests for which one of the tools at hand is called, with what the user said as arguments.

Another tool may stand beside the right one; sometimes only the other does, and the assistant says
that it has none for this. Tools fail now and then.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from recipes.bundled.generators import calculator, small_talk
from recipes.bundled.generators.names import person, town
from recipes.bundled.generators.wording import Row, as_typed, capital, conversation, each_part

Values = dict[str, object]


@dataclass(frozen=True)
class Offered:
    """A tool. about: descriptions. parameters: by name, the JSON type. draw: values for them. ask,
    result, told: texts with the values in their places; in `told`, `{r}` is the result.
    verbatim: whether the request must stay as it is written."""

    name: str
    about: tuple[str, ...]
    parameters: dict[str, str]
    draw: Callable[[Random], Values]
    ask: tuple[str, ...]
    result: Callable[[Random, Values], str]
    told: tuple[str, ...]
    verbatim: bool = False

    def json(self, random: Random) -> dict[str, object]:
        """The tool as it is offered."""
        properties = {name: {"type": kind} for name, kind in self.parameters.items()}
        schema = {"type": "object", "properties": properties, "required": list(self.parameters)}
        about = random.choice(self.about)
        function = {"name": self.name, "description": about, "parameters": schema}
        return {"type": "function", "function": function}


def _done(word: str) -> Callable[[Random, Values], str]:
    return lambda random, values: word


ROOMS = each_part("kitchen, bedroom, hall, garden, bathroom, living room, garage, office")
GOODS = each_part(
    "milk, bread, eggs, butter, apples, rice, soap, tea, coffee, cheese, onions, candles, flour,"
    " jam"
)
MUSIC = each_part(
    "jazz, rock, piano music, guitar music, old songs, dance music, folk songs, blues"
)
DUTIES = each_part(
    "call the doctor, water the plants, feed the cat, pay the rent, buy bread, wash the car,"
    "send the letter, clean the kitchen, phone my sister, take a break, lock the door"
)
SAYINGS = each_part(
    "I am late, dinner is ready, see you at six, happy birthday, I am at home, the door is open,"
    "thank you for the book, good luck today, I will call you tomorrow, the train is late"
)
SKIES = each_part("sunny, cloudy, rainy, windy, foggy, clear")
FOREIGN = {
    "French": {"hello": "bonjour", "thank you": "merci", "milk": "lait", "water": "eau",
    "cat": "chat",
               "house": "maison", "bread": "pain", "good night": "bonne nuit"},
    "Spanish": {"hello": "hola", "thank you": "gracias", "milk": "leche", "water": "agua",
    "cat": "gato",
                "house": "casa", "bread": "pan", "good night": "buenas noches"},
    "German": {"hello": "hallo", "thank you": "danke", "milk": "Milch", "water": "Wasser",
               "cat": "Katze", "house": "Haus", "bread": "Brot", "good night": "gute Nacht"},
    "Italian": {"hello": "ciao", "thank you": "grazie", "milk": "latte", "water": "acqua",
                "cat": "gatto", "house": "casa", "bread": "pane", "good night": "buona notte"},
}  # fmt: skip


def _clock(random: Random) -> str:
    return f"{random.randint(1, 12)} {random.choice(('am', 'pm'))}"


def _phrase(random: Random) -> Values:
    language = random.choice(list(FOREIGN))
    return {"text": random.choice(list(FOREIGN[language])), "language": language}


TOOLS = (
    Offered(
        "get_weather",
        ("Tells the weather in a city.", "Get the current weather.", "Weather of a place"),
        {"city": "string"},
        lambda random: {"city": town(random)},
        ("What is the weather in {city}?", "How is the weather in {city}?", "weather in {city}",
         "What's the weather like in {city} today?", "Is it warm in {city}?",
         "Tell me the weather in {city}.", "I'm going to {city}. How is the weather there?",
         "Do I need a coat in {city}?"),
        lambda random, values: f"{random.randint(-5, 34)} degrees, {random.choice(SKIES)}",
        ("The weather in {city}: {r}.", "In {city} it is {r}.", "It is {r} in {city}."),
    ),
    Offered(
        "get_time",
        ("Tells the time in a city.", "Get the local time of a place.", "Current time"),
        {"city": "string"},
        lambda random: {"city": town(random)},
        ("What time is it in {city}?", "time in {city}?", "Tell me the time in {city}.",
         "What hour is it in {city}?", "What's the time in {city} now?",
         "Can I call {city} now, or is"
         " it night there? What time is it?"),
        lambda random, values: f"{random.randint(0, 23)}:{random.randint(0, 59):02d}",
        ("It is {r} in {city}.", "In {city} it is {r}.", "{r}."),
    ),
    Offered(
        "set_timer",
        ("Sets a timer.", "Starts a timer for some minutes.", "Set a kitchen timer"),
        {"minutes": "integer"},
        lambda random: {"minutes": random.choice((2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 45, 60))},
        ("Set a timer for {minutes} minutes.", "timer {minutes} minutes", "Start a {minutes} minute"
         " timer.", "Tell me when {minutes} minutes are over.", "Can you set a timer for {minutes}"
         " minutes?", "I need a timer, {minutes} minutes please.", "My eggs need {minutes} minutes."
         " Set a timer."),
        _done("started"),
        ("The timer is set for {minutes} minutes.", "Done. {minutes} minutes from now.",
         "Your {minutes} minute timer has started."),
    ),
    Offered(
        "play_music",
        ("Plays music.", "Start playing music of some kind.", "Music player"),
        {"kind": "string"},
        lambda random: {"kind": random.choice(MUSIC)},
        ("Play {kind}.", "Put on some {kind}.", "I want to hear {kind}.", "play some {kind} please",
         "Can you play {kind}?", "Some {kind}, please.", "Let's listen to {kind}."),
        _done("playing"),
        ("Playing {kind}.", "Here you go: {kind}.", "Enjoy the {kind}!"),
    ),
    Offered(
        "send_message",
        ("Sends a message to somebody.", "Send a text message.", "Write to a contact"),
        {"to": "string", "text": "string"},
        lambda random: {"to": person(random).name, "text": random.choice(SAYINGS)},
        ("Send {to} this message: {text}", "Write to {to}: {text}", 'Tell {to} "{text}".',
         "Text {to}: {text}", "Please send a message to {to}: {text}", 'Send "{text}" to {to}.'),
        _done("sent"),
        ("I sent your message to {to}.", "Done, {to} has your message.", "Your message is sent."),
        verbatim=True,
    ),
    Offered(
        "add_to_list",
        ("Adds a thing to the shopping list.", "Put an item on the shopping list.",
         "Shopping list"),
        {"item": "string"},
        lambda random: {"item": random.choice(GOODS)},
        ("Put {item} on my shopping list.", "Add {item} to the list.",
         "We need {item}. Put it on the"
         " list.", "add {item} to my shopping list", "I have to buy {item}. Please note it.",
         "Can you add {item} to the shopping list?", "{item} on the list please"),
        _done("added"),
        ("I added {item} to your list.", "{Item} is on your list.", "Done, {item} is on the list."),
    ),
    Offered(
        "set_light",
        ("Switches a light on or off.", "Turn the light in a room on or off.", "Lights"),
        {"room": "string", "state": "string"},
        lambda random: {"room": random.choice(ROOMS), "state": random.choice(("on", "off"))},
        ("Turn {state} the light in the {room}.", "Switch the {room} light {state}.",
         "light {state}"
         " in the {room}", "Please turn the {room} light {state}.",
         "Can you switch {state} the light"
         " in the {room}?", "{room} light {state} please"),
        _done("ok"),
        ("The light in the {room} is {state}.", "Done. The {room} light is {state}."),
    ),
    Offered(
        "remind_me",
        ("Saves a reminder.", "Reminds the user of something at a time.", "Create a reminder"),
        {"what": "string", "time": "string"},
        lambda random: {"what": random.choice(DUTIES), "time": _clock(random)},
        ("Remind me to {what} at {time}.", "At {time} I have to {what}. Remind me.", "remind me at"
         " {time} to {what}", "Please remind me to {what} at {time}.",
         "I must {what} at {time}. Can"
         " you remind me?", "Don't let me forget to {what} at {time}."),
        _done("saved"),
        ("I will remind you at {time}.", "Okay, I'll remind you to {yours} at {time}.",
         "Your reminder for {time} is saved."),
        verbatim=True,
    ),
    Offered(
        "translate",
        ("Translates a text.", "Translate words into another language.", "Translation"),
        {"text": "string", "language": "string"},
        _phrase,
        ('What is "{text}" in {language}?', "How do you say {text} in {language}?",
         "Translate {text}"
         " into {language}.", "translate '{text}' to {language}", "{text} in {language}?",
         "I need the {language} word for {text}."),
        lambda random, values: FOREIGN[str(values["language"])][str(values["text"])],
        ('"{text}" in {language} is "{r}".', 'It is "{r}".', 'In {language} you say "{r}".'),
    ),
    Offered(
        "book_table",
        ("Books a table in the restaurant.", "Reserve a table.", "Restaurant booking"),
        {"people": "integer", "time": "string"},
        lambda random: {"people": random.randint(2, 9), "time": f"{random.randint(5, 10)} pm"},
        ("Book a table for {people} at {time}.", "I need a table for {people} people at {time}.",
         "table for {people}, {time} please", "Can you reserve a table for {people} at {time}?",
         "We are {people} and want to eat at {time}. Book a table.",
         "Reserve for {people} people at"
         " {time}."),
        _done("booked"),
        ("Your table for {people} at {time} is booked.", "Done, a table for {people} at {time}."),
    ),
)  # fmt: skip
ALIKE = {"set_timer", "remind_me"}
"""Either could do the other's work."""
FAILED = ("error: no connection", "error: not found", "error: try again later", "error")
SORRY = (
    "Sorry, that did not work.", "Sorry, something went wrong.", "That failed. Please try again.",
    "I'm sorry, the tool gave an error.", "It did not work, sorry. Shall I try again?",
)  # fmt: skip
NONE_FITS = (
    "Sorry, I have no tool for that.", "I can't do that with the tools I have.",
    "I'm sorry, I have nothing for that.", "That is not something my tools can do.",
)  # fmt: skip


def generate(random: Random) -> Row:
    """A conversation with one tool or two at hand."""
    wanted, other = random.sample(TOOLS, 2)
    if {wanted.name, other.name} == ALIKE:
        return generate(random)
    kind = random.random()
    offered = [wanted.json(random)]
    if kind < 0.1:
        row = conversation("tools-not-needed", *small_talk.exchange(random))
        return {**row, "tools": offered}
    values = wanted.draw(random)
    request = capital(random.choice(wanted.ask).format(**values))
    if not wanted.verbatim:
        request = as_typed(random, request, keep=" ".join(map(str, values.values())).split())
    if kind < 0.16:
        row = conversation("tools-none-fits", request, random.choice(NONE_FITS))
        return {**row, "tools": [other.json(random)]}
    if random.random() < 0.45:
        beside = calculator.tool(random) if random.random() < 0.25 else other.json(random)
        offered.insert(random.randint(0, 1), beside)
    failed = random.random() < 0.08
    result = random.choice(FAILED) if failed else wanted.result(random, values)
    yours = str(values.get("what", "")).replace("my ", "your ")
    item = capital(str(values.get("item", "")))
    told = random.choice(wanted.told).format(**values, r=result, yours=yours, Item=item)
    function = {"name": wanted.name, "arguments": json.dumps(values)}
    calls = [{"id": "call_1", "type": "function", "function": function}]
    messages: list[dict[str, object]] = [
        {"role": "user", "content": request},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
        {"role": "assistant", "content": random.choice(SORRY) if failed else capital(told)},
    ]
    if not failed and random.random() < 0.1:
        messages.append({"role": "user", "content": random.choice(calculator.THANKS)})
        messages.append({"role": "assistant", "content": random.choice(calculator.WELCOME)})
    return {"kind": "tools", "messages": messages, "tools": offered}
