"""Words: opposites, synonyms, plurals, past tenses, rhymes."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.categories import many
from recipes.bundled.generators.word_tables import (
    IRREGULAR_PLURALS,
    OPPOSITES,
    PAST,
    REGULAR,
    RELATED,
    RHYMES,
    SYNONYMS,
)
from recipes.bundled.generators.wording import Row, as_typed, capital, conversation

OPPOSITE = (
    "What is the opposite of {w}?", 'What is the opposite of "{w}"?', "what's the opposite of {w}",
    "Give me the opposite of {w}.", "Opposite of {w}?",
    "Tell me a word that means the opposite of {w}.", "Which word is the opposite of {w}?",
    "Name the opposite of {w}.", "What word means the opposite of '{w}'?", "find the opposite: {w}",
    "The opposite of {w} is...?", "antonym for {w}?", "What is an antonym of {w}?",
    "I need the opposite of the word {w}.",
)  # fmt: skip
OPPOSITE_SAID = (
    "The opposite of {w} is {r}.", "The opposite of {w} is {r}.", "{R}.", "It's {r}.",
    "{R} is the opposite of {w}.",
)  # fmt: skip
SYNONYM = (
    "What is another word for {w}?", "What's a synonym for {w}?", "Give me a synonym of {w}.",
    "another word for {w}", "Tell me a word that means the same as {w}.", "Synonym for {w}?",
    'Which word means the same as "{w}"?', "Can you give me another word for {w}?",
    "I need a different word for {w}.", "How else can I say {w}?", "What word is like {w}?",
    "Name a word with the same meaning as '{w}'.",
)  # fmt: skip
SYNONYM_SAID = (
    "{R}.", "Another word for {w} is {r}.", "{R} means the same as {w}.", "You can say {r}.",
    "A synonym of {w} is {r}.",
)  # fmt: skip
PLURAL = (
    "What is the plural of {w}?", "plural of {w}?", "What's the plural form of {w}?",
    "One {w}, two ...?", "How do you write more than one {w}?", "Give me the plural of {w}.",
    "If I have one {w} and get another, I have two what?",
    "What do we call several of them: one {w}, many ...?", "Write the plural of '{w}'.",
    "tell me the plural for {w}",
)  # fmt: skip
PLURAL_SAID = ("{R}.", "The plural of {w} is {r}.", "It's {r}.", "One {w}, two {r}.")
SINGULAR = (
    "What is the singular of {w}?", "singular of {w}?",
    "What's one of them called if many are {w}?", "Give me the singular of {w}.",
)  # fmt: skip
SINGULAR_SAID = ("{R}.", "The singular of {w} is {r}.", "It's {r}.")
PAST_ASKED = (
    "What is the past tense of {w}?", "past tense of {w}?", "Give me the past tense of {w}.",
    "Today I {w}. Yesterday I ...?", "How do you say {w} in the past?",
    "What is {w} in the past tense?", "Put {w} into the past tense.",
    "What's the past form of the verb {w}?",
)  # fmt: skip
PAST_SAID = ("{R}.", "The past tense of {w} is {r}.", "It's {r}.")
RHYME = (
    "What rhymes with {w}?", "Give me a word that rhymes with {w}.", "Tell me a rhyme for {w}.",
    "word that rhymes with {w}?", "I need a rhyme for {w}.", "Which word rhymes with {w}?",
    "Can you find a word that rhymes with {w}?", "Name something that rhymes with '{w}'.",
    "Help me with my poem. What rhymes with {w}?",
)  # fmt: skip
RHYME_SAID = ("{R}.", "{R} rhymes with {w}.", "{R}!", "You could use {r}.")
RHYMES_ASKED = ("Does {w} rhyme with {v}?", "Do {w} and {v} rhyme?", "is {v} a rhyme for {w}?")
CHOICE = (
    "Which word rhymes with {w}: {o}?", "Which of these rhymes with {w}? {o}",
    "Pick the word that rhymes with {w}: {o}",
)  # fmt: skip


KEPT = frozenset(
    word
    for table in (*OPPOSITES, *SYNONYMS, PAST, REGULAR, IRREGULAR_PLURALS, *RHYMES)
    for word in table
)
"""What may be asked about, and so is never misspelt."""


def generate(random: Random) -> Row:
    """One or two questions about words."""
    said = _one(random)
    while random.random() < 0.15 and len(said) < 6:
        said += _one(random)
    return conversation("words", *said)


def _one(random: Random) -> list[str]:
    kind = random.choice((_opposite, _opposite, _synonym, _plural, _past, _rhyme))
    question, answer = kind(random)
    return [as_typed(random, question, keep=KEPT), answer]


def _told(said: str, word: str, result: str) -> str:
    return said.format(w=word, r=result, R=capital(result)).replace("..", ".")


def _opposite(random: Random) -> tuple[str, str]:
    pair = random.choice(OPPOSITES)
    word, result = random.sample(pair, 2)
    if word in RELATED:
        asked = random.choice(OPPOSITE[:3])
        return asked.format(w=word), capital(f"{result}.")
    if word in ("light", "old", "right", "answer", "end", "lose"):
        # Each has two opposites: ask from the other side, which has one.
        word, result = result, word
    return random.choice(OPPOSITE).format(w=word), _told(random.choice(OPPOSITE_SAID), word, result)


def _synonym(random: Random) -> tuple[str, str]:
    word, result = random.choice(SYNONYMS)
    if random.random() < 0.4 and word not in ("look", "like", "minute"):
        word, result = result, word
    if word == "minute":
        word, result = result, word
    return random.choice(SYNONYM).format(w=word), _told(random.choice(SYNONYM_SAID), word, result)


def _plural(random: Random) -> tuple[str, str]:
    if random.random() < 0.5:
        word, result = random.choice(list(IRREGULAR_PLURALS.items()))
    else:
        word = random.choice(REGULAR)
        result = many(word)
    if random.random() < 0.2 and word != result:
        asked, said = random.choice(SINGULAR), random.choice(SINGULAR_SAID)
        return asked.format(w=result), _told(said, result, word)
    return random.choice(PLURAL).format(w=word), _told(random.choice(PLURAL_SAID), word, result)


def _past(random: Random) -> tuple[str, str]:
    word, result = random.choice(list(PAST.items()))
    return random.choice(PAST_ASKED).format(w=word), _told(random.choice(PAST_SAID), word, result)


def _rhyme(random: Random) -> tuple[str, str]:
    group, other = random.sample(RHYMES, 2)
    word, result = random.sample(group, 2)
    kind = random.random()
    if kind < 0.6:
        return random.choice(RHYME).format(w=word), _told(random.choice(RHYME_SAID), word, result)
    stranger = random.choice(other)
    if kind < 0.8:
        options = [result, stranger, random.choice([one for one in other if one != stranger])]
        random.shuffle(options)
        question = random.choice(CHOICE).format(w=word, o=", ".join(options))
        return question, _told(random.choice(RHYME_SAID[:2]), word, result)
    if random.random() < 0.5:
        return random.choice(RHYMES_ASKED).format(
            w=word, v=result
        ), f"Yes, {word} and {result} rhyme."
    question = random.choice(RHYMES_ASKED).format(w=word, v=stranger)
    return question, f"No, {word} and {stranger} do not rhyme."
