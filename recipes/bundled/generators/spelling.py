"""Letters of words and words of sentences: counting, spelling, the first and the last."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.word_tables import SENTENCES, SHORT_WORDS
from recipes.bundled.generators.wording import Row, as_typed, capital, conversation, without_marks

LETTERS = (
    "How many letters are in {w}?", 'How many letters are in the word "{w}"?',
    "how many letters does {w} have", "Count the letters in {w}.", "How long is the word {w}?",
    "How many letters has '{w}'?", "The word {w} has how many letters?",
    "number of letters in {w}?", "Can you count the letters in {w}?",
    "Tell me how many letters {w} has.",
)  # fmt: skip
LETTERS_SAID = (
    "{W} has {n} letters.", "{n}.", "The word {w} has {n} letters.", "{n} letters.",
    "It has {n} letters.",
)  # fmt: skip
ONE_LETTER = (
    "How many times does the letter {l} appear in {w}?", "How many {l}'s are in {w}?",
    'How many times is "{l}" in "{w}"?', "count the letter {l} in {w}",
    "How often does {w} have the letter {l}?", "How many {l}'s does the word {w} have?",
)  # fmt: skip
SPELL = (
    "Spell {w}.", "How do you spell {w}?", "Can you spell {w}?", "spell the word {w}",
    "Please spell {w} for me.", "Spell '{w}' letter by letter.",
    "Write {w} with a dash between the letters.", "What are the letters of {w}?",
    "How is {w} spelled?",
)  # fmt: skip
BACKWARDS = (
    "Spell {w} backwards.", "What is {w} backwards?", "Write {w} backwards.", "{w} backwards?",
    "Turn the word {w} around.", "Reverse the word {w}.", "how do you write {w} from back to front",
    "What do you get when you read {w} from the end?",
)  # fmt: skip
FIRST = (
    "What is the first letter of {w}?", "Which letter does {w} start with?", "first letter of {w}?",
    "{w} begins with which letter?", "What letter is at the start of the word {w}?",
)  # fmt: skip
LAST = (
    "What is the last letter of {w}?", "Which letter does {w} end with?", "last letter of {w}?",
    "{w} ends with which letter?", "What letter is at the end of the word {w}?",
)  # fmt: skip
NTH = (
    "What is the {o} letter of {w}?",
    "Which letter is the {o} one in {w}?",
    "{o} letter of {w}?",
)
ORDER = ("first", "second", "third", "fourth")
WORDS = (
    'How many words are in this sentence: "{s}"', "Count the words: {s}",
    "How many words does this sentence have? {s}", "{s} How many words is that?",
    'How many words are there in "{s}"?', "how many words: {s}",
)  # fmt: skip
WORDS_SAID = ("{n}.", "It has {n} words.", "There are {n} words.", "{n} words.")
SENTENCE_ENDS = (
    ("What is the first word of this sentence? {s}", 0), ('First word of "{s}"?', 0),
    ("Which word comes first here: {s}", 0), ("What is the last word of this sentence? {s}", -1),
    ('Last word of "{s}"?', -1), ("Which word comes last here: {s}", -1),
    ("What is the second word in: {s}", 1),
)  # fmt: skip
NEXT = (
    "Which letter comes after {l}?", "What letter comes after {l} in the alphabet?",
    "letter after {l}?", "What is the next letter after {l}?",
)  # fmt: skip
BEFORE = ("Which letter comes before {l}?", "What letter is before {l} in the alphabet?")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAID = ("{r}.", "It's {r}.", "The letter {r}.", "{r}")


def generate(random: Random) -> Row:
    """One question about letters or words, or two."""
    said = _one(random)
    if random.random() < 0.2:
        said += _one(random)
    return conversation("spelling", *said)


def _one(random: Random) -> list[str]:
    return random.choice(
        (_length, _letter, _spelled, _spelled, _backwards, _place, _sentence, _next)
    )(random)


def _number(random: Random, number: int) -> str:
    return in_words(number) if random.random() < 0.2 else str(number)


def _length(random: Random) -> list[str]:
    word = random.choice(SHORT_WORDS)
    question = as_typed(random, random.choice(LETTERS).format(w=word))
    said = random.choice(LETTERS_SAID)
    return [question, capital(said.format(w=word, W=capital(word), n=_number(random, len(word))))]


def _letter(random: Random) -> list[str]:
    word = random.choice(SHORT_WORDS)
    letter = random.choice(word) if random.random() < 0.8 else random.choice("aeiourst")
    count = word.count(letter)
    question = as_typed(random, random.choice(ONE_LETTER).format(l=letter, w=word))
    often = {0: "No letter {l} at all.", 1: "Once.", 2: "Twice.", 3: "Three times."}[count]
    said = random.choice((f"{count}.", often, f"{count} time{'s' * (count != 1)}."))
    if count == 0:
        said = random.choice(("0.", f"There is no {letter} in {word}.", "None."))
    return [question, said]


def _spelled(random: Random) -> list[str]:
    word = random.choice(SHORT_WORDS)
    question = as_typed(random, random.choice(SPELL).format(w=word))
    spelt = "-".join(word)
    return [question, random.choice((spelt, f"{spelt}.", f"{capital(word)}: {spelt}."))]


def _backwards(random: Random) -> list[str]:
    word = random.choice([word for word in SHORT_WORDS if len(word) < 5])
    turned = word[::-1]
    question = as_typed(random, random.choice(BACKWARDS).format(w=word))
    said = (turned, f"{turned}.", f"{capital(word)} backwards is {turned}.", f"It's {turned}.")
    return [question, random.choice(said)]


def _place(random: Random) -> list[str]:
    word = random.choice(SHORT_WORDS)
    kind = random.random()
    if kind < 0.4:
        question, letter = random.choice(FIRST), word[0]
    elif kind < 0.75:
        question, letter = random.choice(LAST), word[-1]
    else:
        place = random.randrange(1, min(4, len(word)))
        question, letter = random.choice(NTH).format(o=ORDER[place], w="{w}"), word[place]
    shown = letter.upper() if random.random() < 0.6 else letter
    return [as_typed(random, question.format(w=word)), random.choice(SAID).format(r=shown)]


def _sentence(random: Random) -> list[str]:
    sentence = random.choice(SENTENCES)
    words = sentence.rstrip(".").split()
    if random.random() < 0.5:
        question = random.choice(WORDS).format(s=sentence)
        said = random.choice(WORDS_SAID).format(n=_number(random, len(words)))
        return [without_marks(random, question), capital(said)]
    asked, place = random.choice(SENTENCE_ENDS)
    word = words[place]
    said = random.choice(("{w}", "{w}.", 'It is "{w}".', 'The word is "{w}".')).format(w=word)
    return [without_marks(random, asked.format(s=sentence)), said]


def _next(random: Random) -> list[str]:
    place = random.randrange(25)
    letter, after = ALPHABET[place], ALPHABET[place + 1]
    if random.random() < 0.7:
        question, result = random.choice(NEXT).format(l=letter), after
    else:
        question, result = random.choice(BEFORE).format(l=after), letter
    return [as_typed(random, question), random.choice(SAID).format(r=result)]
