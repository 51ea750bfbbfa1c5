"""Answers in the form that is asked for: one word, yes or no, capitals, a number, word for word."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.word_tables import SENTENCES, SHORT_WORDS
from recipes.bundled.generators.wording import (
    Row,
    as_typed,
    capital,
    conversation,
    unmarked,
    without_marks,
)
from recipes.bundled.generators.world_tables import NUMBERS, ONE_WORD, YES_NO

ONE_WORD_ASKED = (
    "Answer in one word: {l}", "{q} Answer in one word.", "{q} One word only.", "In one word: {l}",
    "{q} (one word)", "Give a one-word answer. {q}", "{q} Just one word please.",
    "Use a single word to answer: {l}", "Reply with one word. {q}", "one word answer: {l}",
    "{q} Say only one word.", "Please answer with exactly one word. {q}",
)  # fmt: skip
YES_NO_ASKED = (
    "Answer only yes or no: {l}", "{q} Yes or no?", "{q} Only say yes or no.", "Yes or no: {l}",
    "{q} Answer with yes or no.", "Just yes or no. {q}", "Reply yes or no. {q}", "{q} (yes/no)",
    "Say yes or no: {l}", "{q} Please answer only with yes or no.",
)  # fmt: skip
NUMBER_ASKED = (
    "{q} Answer with a number.", "{q} Just the number.", "Only the number: {l}",
    "{q} Number only please.", "Answer with only a number. {q}", "{q} Give me just a number.",
)  # fmt: skip
UPPER = (
    "Write this in capital letters: {s}", "Put this in capitals: {s}", "Make this all caps: {s}",
    "{s} - in capital letters please", "Write '{s}' in upper case.", "uppercase: {s}",
    "Convert to upper case: {s}", "Say this in big letters: {s}",
    'Can you write "{s}" in all capitals?',
)  # fmt: skip
LOWER = (
    "Write this in small letters: {s}", "Make this lower case: {s}", "lowercase: {s}",
    "Put this in lower case: {s}", "Convert to lower case: {s}",
    "Write '{s}' without capital letters.",
)  # fmt: skip
UPPER_QUESTION = (
    "{q} Answer in capital letters.", "{q} Write the answer in capitals.",
    "Answer in all caps: {l}", "{q} Use only capital letters.", "In capital letters: {l}",
)  # fmt: skip
REPEAT = (
    "Repeat after me: {s}", "Say this: {s}", "Please repeat: {s}", 'Say "{s}"',
    "Repeat this sentence: {s}", "Copy this text: {s}", 'Repeat exactly: "{s}"',
    "Write exactly this: {s}", "say {s}", "Type this: {s}", "Echo this back to me: {s}",
)  # fmt: skip
TIMES = (
    ("Say {w} {n} times.", " "), ("Write {w} {n} times.", " "),
    ("Repeat the word {w} {n} times.", " "), ("Write the word {w} {n} times with commas.", ", "),
    ("say {w} {n} times", " "), ("Write {w} {n} times, each on a new line.", "\n"),
)  # fmt: skip
QUOTED = ("Put {w} in quotes.", "Write {w} in quotation marks.", "Put quotes around {w}.")
BEGIN = (
    ("Begin your answer with 'Sure'. {q}", "Sure, {a}."),
    ("Start with the word 'Answer'. {q}", "Answer: {a}."),
    ("End your answer with an exclamation mark. {q}", "{A}!"),
    ("{q} End with 'thank you'.", "{A}, thank you."),
)  # fmt: skip
PHRASES = (
    "Good morning", "Hello world", "I like tea", "See you soon", "Happy birthday",
    "Thank you very much", "The door is open", "Please be quiet", "We are here", "Have a nice day",
    "Stop here", "Welcome home", "It is late", "Keep left", "No smoking", "Mind the step",
    "Fresh bread", "Wet paint", "Good luck", "Do not run", "Open on Sunday", "Best friends",
    "One two three", "Blue sky", "Long live the king",
)  # fmt: skip


def generate(random: Random) -> Row:
    """A request with a form for the answer."""
    task = random.choice((_one_word, _one_word, _yes_no, _yes_no, _case, _case, _repeated, _times,
    _number,
                          _upper_answer, _framed))  # fmt: skip
    question, answer = task(random)
    return conversation("format", question, answer)


def _framed_question(random: Random, frames: tuple[str, ...], question: str) -> str:
    lower = question if question.startswith("I ") else question[:1].lower() + question[1:]
    return as_typed(random, random.choice(frames).format(q=question, l=lower))


def _one_word(random: Random) -> tuple[str, str]:
    question, word = random.choice(ONE_WORD)
    answer = random.choice((capital(word), f"{capital(word)}."))
    return _framed_question(random, ONE_WORD_ASKED, question), answer


def _yes_no(random: Random) -> tuple[str, str]:
    question, answer = random.choice(YES_NO)
    said = random.choice((capital(answer), f"{capital(answer)}."))
    return _framed_question(random, YES_NO_ASKED, question), said


def _number(random: Random) -> tuple[str, str]:
    question, number = random.choice(NUMBERS)
    return _framed_question(random, NUMBER_ASKED, question), str(number)


def _case(random: Random) -> tuple[str, str]:
    text = random.choice(PHRASES if random.random() < 0.5 else [unmarked(one) for one in SENTENCES])
    if random.random() < 0.3:
        text = random.choice(SHORT_WORDS)
    if random.random() < 0.7:
        return without_marks(random, random.choice(UPPER).format(s=text)), text.upper()
    return random.choice(LOWER).format(s=text.upper()), text.lower()


def _upper_answer(random: Random) -> tuple[str, str]:
    question, word = random.choice(ONE_WORD)
    return _framed_question(random, UPPER_QUESTION, question), word.upper()


def _repeated(random: Random) -> tuple[str, str]:
    text = random.choice((*SENTENCES, *PHRASES))
    if random.random() < 0.2:
        text = " ".join(random.sample(SHORT_WORDS, random.randint(2, 4)))
    return random.choice(REPEAT).format(s=text), text


def _times(random: Random) -> tuple[str, str]:
    word = random.choice(SHORT_WORDS)
    if random.random() < 0.2:
        return random.choice(QUOTED).format(w=word), f'"{word}"'
    asked, joint = random.choice(TIMES)
    count = random.randint(2, 5)
    shown = random.choice((str(count), ("two", "three", "four", "five")[count - 2]))
    return as_typed(random, asked.format(w=word, n=shown)), joint.join([word] * count)


def _framed(random: Random) -> tuple[str, str]:
    question, word = random.choice(ONE_WORD)
    asked, answer = random.choice(BEGIN)
    told = answer.format(a=word, A=capital(word))
    return without_marks(random, asked.format(q=question)), told
