"""A sentence changed as asked: tense, number, question, negation, opposites, marks, mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from recipes.bundled.generators.categories import many
from recipes.bundled.generators.names import MEN, TOWNS, WOMEN
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.sentence_tables import (
    ABILITIES,
    ADJECTIVES,
    ANIMAL_VERBS,
    ANIMALS,
    DESCRIBED,
    FOOD,
    MISSPELT,
    MISTAKES,
    OF_TIME,
    PEOPLE,
    PLACES,
    PLACES_FOR_WORDS,
    THINGS,
    UNCOUNTED,
    VERBS,
)
from recipes.bundled.generators.word_tables import IRREGULAR_PLURALS
from recipes.bundled.generators.wording import Row, a, capital, conversation

ASKED = {
    "past": (
        "Put this into the past: {s}", "Past tense: {s}", "In the past tense please: {s}",
        "Write this in the past: {s}", "Say it about yesterday: {s}", "{s} Now in the past.",
        "Can you put this in the past tense? {s}", "How is this said in the past? {s}",
        "Make this past: {s}", "{s} - as if it was yesterday", "Tell it in the past: {s}",
    ),
    "future": (
        "Put this into the future: {s}", "Future with will: {s}", "Write it with 'will': {s}",
        "Say it about tomorrow: {s}", "{s} Now in the future.", "use will: {s}",
        "Change this to the future with \"will\": {s}", "How is this said with will? {s}",
    ),
    "question": (
        "Make this a question: {s}", "As a question: {s}", "Ask this: {s}",
        "{s} Now as a question.",
        "Turn the sentence into a question: {s}", "Write a question from it: {s}",
        "How do I ask if this is true? {s}", "Can you make a question of this? {s}",
        "Change to a question: {s}",
    ),
    "not": (
        "Make this negative: {s}", "Say this with 'not': {s}", "Write the negative: {s}",
        "Put not in this: {s}", "{s} Now with not.", "Negative please: {s}", "Negate: {s}",
        "Say that it isn't so: {s}", "Turn this into a sentence with not: {s}",
    ),
    "plural": (
        "Put this in the plural: {s}", "Plural: {s}", "Say it for more than one: {s}",
        "Make it many: {s}", "Write the sentence in the plural: {s}", "{s} Now for several.",
        "How is this with more than one? {s}", "Change one to many: {s}",
    ),
    "singular": (
        "Put this in the singular: {s}", "Say it for only one: {s}", "Singular please: {s}",
        "Make it one: {s}", "{s} Now for just one.",
    ),
    "opposite": (
        "Change the adjective to its opposite: {s}", "Say the opposite: {s}",
        "Use the opposite adjective: {s}", "Write it with the opposite word: {s}",
        "Swap the describing word for the opposite: {s}", "The opposite please: {s}",
        "{s} Now say the opposite.",
    ),
    "tidy": (
        "Add the capital letters and the marks: {s}", "Write this properly: {s}",
        "Tidy this up: {s}",
        "Put in capital letters and the full stop or question mark: {s}", "Punctuate: {s}",
        "Please add what is missing, capitals and marks: {s}", "Clean up this sentence: {s}",
        "{s} - with capitals and marks please",
    ),
    "correct": (
        "Correct this: {s}", "Fix the mistakes: {s}", "Correct the spelling: {s}",
        "Is this right? If not, fix it: {s}", "Please fix my spelling: {s}", "Correct please: {s}",
        "Write it without mistakes: {s}", "There's a mistake in this. Fix it: {s}",
        "How is this written correctly? {s}",
    ),
    "order": (
        "Make a sentence of these words: {s}", "Put the words in order: {s}",
        "Order these words into a sentence: {s}", "Which sentence do these words make? {s}",
    ),
    "words": (
        "Write in words: {s}", "Write {s} in words.", "{s} in words please", "How is {s} written?",
        "Spell out the number {s}.", "Put the number {s} into words.", "in letters: {s}",
    ),
    "digits": (
        "Write in digits: {s}", "As a number: {s}", "In figures: {s}", "{s} in digits please",
        "Which number is {s}?", "Write {s} with digits.", "Put {s} in figures.",
    ),
}  # fmt: skip

SUBJECTS = (
    ("I", 1), ("you", 2), ("he", 3), ("she", 3), ("we", 2), ("they", 2), ("he", 3), ("she", 3),
)  # fmt: skip
BE = {1: ("am", "was"), 2: ("are", "were"), 3: ("is", "was")}


@dataclass(frozen=True)
class Sentence:
    """subject: as in the middle of a sentence. person: 1 I, 2 many or you, 3 one. verb: base,
    third, past; base `be` or `can` for those. noun: of the subject, where it can be many.
    article: what stands before the noun."""

    subject: str
    person: int
    verb: tuple[str, str, str]
    rest: str
    noun: str = ""
    article: str = ""

    def now(self) -> str:
        """In the present."""
        return self._with(self._verb())

    def past(self) -> str:
        """In the past."""
        return self._with(BE[self.person][1] if self.verb[0] == "be" else self.verb[2])

    def future(self) -> str:
        """With will."""
        return self._with(f"will {self.verb[0]}")

    def negative(self) -> str:
        """With not."""
        if self.verb[0] == "can":
            return self._with("cannot")
        if self.verb[0] == "be":
            return self._with(f"{self._verb()} not")
        return self._with(f"{self._do()} not {self.verb[0]}")

    def question(self) -> str:
        """Asked."""
        if self.verb[0] in ("be", "can"):
            return f"{capital(self._verb())} {self.subject} {self.rest}?"
        return f"{capital(self._do())} {self.subject} {self.verb[0]} {self.rest}?"

    def for_many(self) -> Sentence:
        """The same of several; `noun` must be there."""
        article = {"a": "", "this": "these "}.get(self.article, f"{self.article} ")
        return Sentence(f"{article}{plural(self.noun)}", 2, self.verb, self.rest)

    def _with(self, verb: str) -> str:
        return f"{capital(self.subject)} {verb} {self.rest}."

    def _verb(self) -> str:
        base, third, _ = self.verb
        if base == "be":
            return BE[self.person][0]
        return third if self.person == 3 else base

    def _do(self) -> str:
        return "does" if self.person == 3 else "do"


def plural(noun: str) -> str:
    """More than one of it."""
    return IRREGULAR_PLURALS.get(noun) or many(noun)


def generate(random: Random) -> Row:
    """One to three sentences changed."""
    said = list(_one(random))
    while random.random() < 0.2 and len(said) < 6:
        said += _one(random)
    return conversation("sentence", *said)


def _one(random: Random) -> tuple[str, str]:
    kind = random.choice(tuple(ASKED))
    given, wanted = CHANGES[kind](random)
    asked = random.choice(ASKED[kind])
    if random.random() < 0.2:
        asked = asked[:1].lower() + asked[1:]
    return asked.format(s=given), wanted


def about_people(random: Random) -> Sentence:
    """Somebody does something, is somehow, or can do something."""
    kind = random.random()
    subject, person, noun, article = _somebody(random)
    if kind < 0.6:
        base, third, past, rests = random.choice(VERBS)
        return Sentence(subject, person, (base, third, past), random.choice(rests), noun, article)
    if kind < 0.85:
        rest = random.choice(DESCRIBED["people"])
        return Sentence(subject, person, ("be", "is", "was"), rest, noun, article)
    return Sentence(
        subject, person, ("can", "can", "could"), random.choice(ABILITIES), noun, article
    )


def _somebody(random: Random) -> tuple[str, int, str, str]:
    kind = random.random()
    if kind < 0.5:
        subject, person = random.choice(SUBJECTS)
        return subject, person, "", ""
    if kind < 0.65:
        return random.choice(WOMEN + MEN), 3, "", ""
    return _noun(random, PEOPLE)


def _noun(random: Random, nouns: tuple[str, ...]) -> tuple[str, int, str, str]:
    noun = random.choice(nouns)
    article = random.choice(("the", "the", "my", "our", "this", "a"))
    if noun in UNCOUNTED and article == "a":
        article = "the"
    return (a(noun) if article == "a" else f"{article} {noun}"), 3, noun, article


def about_something(random: Random) -> Sentence:
    """An animal does something, or an animal or a thing is somehow."""
    if random.random() < 0.4:
        base, third, past, rests = random.choice(ANIMAL_VERBS)
        subject, person, noun, article = _noun(random, ANIMALS)
        return Sentence(subject, person, (base, third, past), random.choice(rests), noun, article)
    kind = random.choice(("animals", "things", "things"))
    subject, person, noun, article = _noun(random, ANIMALS if kind == "animals" else THINGS)
    return Sentence(
        subject, person, ("be", "is", "was"), random.choice(DESCRIBED[kind]), noun, article
    )


def _any(random: Random) -> Sentence:
    return random.choice((about_people, about_people, about_something))(random)


def _countable(random: Random) -> Sentence:
    while True:
        sentence = random.choice((about_people, about_something, about_something))(random)
        if sentence.noun and sentence.noun not in UNCOUNTED:
            return sentence


def _past(random: Random) -> tuple[str, str]:
    sentence = _any(random)
    return sentence.now(), sentence.past()


def _future(random: Random) -> tuple[str, str]:
    while True:
        sentence = _any(random)
        if sentence.verb[0] != "can":
            return sentence.now(), sentence.future()


def _question(random: Random) -> tuple[str, str]:
    sentence = _any(random)
    return sentence.now(), sentence.question()


def _not(random: Random) -> tuple[str, str]:
    sentence = _any(random)
    return sentence.now(), sentence.negative()


def _plural(random: Random) -> tuple[str, str]:
    sentence = _countable(random)
    tell = random.choice((Sentence.now, Sentence.past))
    return tell(sentence), tell(sentence.for_many())


def _singular(random: Random) -> tuple[str, str]:
    while True:
        sentence = _countable(random)
        if sentence.article in ("the", "my", "our"):
            return sentence.for_many().now(), sentence.now()


def _opposite(random: Random) -> tuple[str, str]:
    while True:
        sentence = random.choice((about_people, about_something, about_something))(random)
        other = ADJECTIVES.get(sentence.rest)
        if sentence.rest == "old":
            other = "new" if sentence.noun in THINGS else "young"
        if sentence.rest == "light":
            other = "heavy"
        if other and sentence.verb[0] == "be":
            turned = Sentence(sentence.subject, sentence.person, sentence.verb, other)
            tell = random.choice((Sentence.now, Sentence.now, Sentence.past))
            return tell(sentence), tell(turned)


def _tidy(random: Random) -> tuple[str, str]:
    kind = random.random()
    if kind < 0.15:
        wanted = f"My name is {random.choice(WOMEN + MEN)}."
    elif kind < 0.3:
        wanted = (
            f"{random.choice(('We live', 'I work', 'She was born'))} in {random.choice(TOWNS)}."
        )
    else:
        sentence = _any(random)
        wanted = random.choice(
            (sentence.now(), sentence.past(), sentence.question(), sentence.future())
        )
        if random.random() < 0.25:
            wanted = f"{wanted[:-1]} on {random.choice(OF_TIME[:7])}{wanted[-1]}"
    return wanted[:-1].lower(), wanted


def _correct(random: Random) -> tuple[str, str]:
    if random.random() < 0.5:
        wrong, right = random.choice(MISTAKES)
        thing = random.choice([one for one in THINGS if one not in UNCOUNTED])
        while thing[0] in "aeiou":
            thing = random.choice(("bike", "hat", "book", "chair"))
        words = {
            "S": random.choice(("He", "She", random.choice(WOMEN + MEN), "My mother")),
            "p": random.choice(PLACES),
            "t": thing,
            "ts": plural(thing),
            "f": random.choice(FOOD),
        }
        if "to {p}" in wrong and words["p"] == "home":
            words["p"] = "school"
        given, wanted = wrong.format(**words), right.format(**words)
    else:
        misspelt, word = random.choice(MISSPELT)
        frame = random.choice(PLACES_FOR_WORDS)
        mark = "?" if frame.startswith("Do ") else "."
        given, wanted = frame.format(w=misspelt) + mark, frame.format(w=word) + mark
        if random.random() < 0.3:
            given, wanted = misspelt, word
    if random.random() < 0.2 and given[-1] == ".":
        given = given[:-1]
    return given, wanted


def _order(random: Random) -> tuple[str, str]:
    while True:
        sentence = _any(random)
        wanted = sentence.now()
        words = wanted[:-1].split()
        if not 3 <= len(words) <= 6 or len(set(words)) < len(words):
            continue
        # The subject comes first and the rest stays together, so that one order alone is right.
        parts = [sentence.subject, sentence.now()[:-1].split(" ")[len(sentence.subject.split())]]
        parts.append(sentence.rest)
        random.shuffle(parts)
        return random.choice((" / ", ", ", " - ")).join(parts), wanted


def _number(random: Random) -> int:
    size = random.random()
    if size < 0.6:
        return random.randint(0, 99)
    return random.randint(100, 999) if size < 0.9 else random.randint(1000, 9999)


def _words(random: Random) -> tuple[str, str]:
    number = _number(random)
    return str(number), in_words(number)


def _digits(random: Random) -> tuple[str, str]:
    number = _number(random)
    return in_words(number), str(number)


CHANGES = {
    "past": _past,
    "future": _future,
    "question": _question,
    "not": _not,
    "plural": _plural,
    "singular": _singular,
    "opposite": _opposite,
    "tidy": _tidy,
    "correct": _correct,
    "order": _order,
    "words": _words,
    "digits": _digits,
}
