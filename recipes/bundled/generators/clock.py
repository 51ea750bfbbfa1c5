"""Times of day: so much later or earlier, how long from one to the other."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.wording import Row, as_typed, conversation

DAY = 24 * 60
LATER = (
    "What time is it {d} after {t}?", "It is {t}. What time will it be in {d}?",
    "{d} after {t}, what time is it?", "If it is {t} now, what time is it in {d}?",
    "what's the time {d} later than {t}?", "A film starts at {t} and takes {d}. When does it end?",
    "The bus leaves at {t}. The ride takes {d}. When does it arrive?",
    "A meeting begins at {t} and lasts {d}. When is it over?", "Add {d} to {t}.",
    "I start at {t} and work for {d}. When do I finish?",
    "My cake goes into the oven at {t} for {d}. When do I take it out?",
    "It's {t}. My friend comes in {d}. When is that?",
)  # fmt: skip
EARLIER = (
    "What time is it {d} before {t}?", "It is {t}. What time was it {d} ago?",
    "{d} before {t}, what time is it?",
    "I must be there at {t} and need {d} to get there. When should I leave?",
    "The train leaves at {t}. I want to be there {d} earlier. When is that?",
    "what was the time {d} before {t}?",
)  # fmt: skip
BETWEEN = (
    "How long is it from {t} to {u}?", "How much time is there between {t} and {u}?",
    "A class starts at {t} and ends at {u}. How long is it?",
    "The shop opens at {t} and closes at {u}. How long is it open?", "how long from {t} until {u}?",
    "I slept from {t} to {u}. How long did I sleep?",
    "If I leave at {t} and arrive at {u}, how long did it take?",
    "It's {t} and lunch is at {u}. How long do I have to wait?",
)  # fmt: skip
WHICH = (
    "Which is earlier, {t} or {u}?", "What comes first, {t} or {u}?", "is {t} or {u} earlier",
    "Which time is later, {t} or {u}?", "What is later in the day: {t} or {u}?",
)  # fmt: skip
TO_24 = (
    "What is {t} in 24-hour time?", "Write {t} as 24-hour time.", "{t} on a 24 hour clock?",
    "How do you write {t} on the 24-hour clock?",
)  # fmt: skip
TO_12 = (
    "What is {t} in 12-hour time?", "Write {t} with am or pm.", "{t} with am or pm?",
    "How do you say {t} with am or pm?",
)  # fmt: skip
SAID = ("{r}.", "It's {r}.", "At {r}.", "It is {r}.", "{r}", "The answer is {r}.")


def on_24(minutes: int) -> str:
    """`9:05`, `14:20`."""
    hours, rest = divmod(minutes % DAY, 60)
    return f"{hours}:{rest:02d}"


def on_12(minutes: int) -> str:
    """`9:05 am`, `2:20 pm`."""
    hours, rest = divmod(minutes % DAY, 60)
    return f"{(hours + 11) % 12 + 1}:{rest:02d} {'am' if hours < 12 else 'pm'}"


def lasting(minutes: int) -> str:
    """`2 hours and 15 minutes`."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} hour{'s' * (hours != 1)}"] if hours else []
    parts += [f"{rest} minute{'s' * (rest != 1)}"] if rest else []
    return " and ".join(parts)


def generate(random: Random) -> Row:
    """One question about the clock."""
    question, answer = _one(random)
    return conversation("clock", as_typed(random, question), answer)


def _one(random: Random) -> tuple[str, str]:
    shown = random.choice((on_12, on_24))
    start = random.randrange(6 * 60, 20 * 60, random.choice((5, 15, 30, 60)))
    length = random.choice(
        (random.randint(1, 5) * 60, random.choice((5, 10, 15, 20, 25, 30, 40, 45, 50)),
         random.randint(1, 3) * 60 + random.choice((15, 30, 45, 10, 20)))
    )  # fmt: skip
    kind = random.random()
    if kind < 0.35 and start + length < DAY:
        question = random.choice(LATER).format(t=shown(start), d=lasting(length))
        return question, random.choice(SAID).format(r=shown(start + length))
    if kind < 0.55 and start > length:
        question = random.choice(EARLIER).format(t=shown(start), d=lasting(length))
        return question, random.choice(SAID).format(r=shown(start - length))
    if kind < 0.75 and start + length < DAY:
        question = random.choice(BETWEEN).format(t=shown(start), u=shown(start + length))
        said = random.choice(("{r}.", "It is {r}.", "That is {r}.", "{r}"))
        return question, said.format(r=lasting(length))
    other = start
    while other == start:
        other = random.randrange(0, DAY, 15)
    if kind < 0.9:
        question = random.choice(WHICH).format(t=shown(start), u=shown(other))
        wanted = max(start, other) if "later" in question else min(start, other)
        told = "later" if "later" in question else "earlier"
        return question, random.choice(("{r}.", f"{{r}} is {told}.")).format(r=shown(wanted))
    if random.random() < 0.5:
        return random.choice(TO_24).format(t=on_12(start)), random.choice(SAID).format(
            r=on_24(start)
        )
    return random.choice(TO_12).format(t=on_24(start)), random.choice(SAID).format(r=on_12(start))
