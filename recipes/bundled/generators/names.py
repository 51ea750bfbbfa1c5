"""Names of people, pets and places, and the pronouns that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from recipes.bundled.generators.wording import each_part, each_word

WOMEN = each_word(
    "Anna Maria Sara Emma Lily Nina Olga Rosa Lucy Clara Mia Zoe Ella Ruth Jane Kate Amy Eva Leila"
    " Fatima Aisha Priya Mei Yuki Sofia Elena Hanna Ida Julia Laura Marta Nora Paula Rita Tina Vera"
    " Wendy Grace Helen Ivy Joan Alice Bella Carol Diana Dora Edith Flora Gina Holly Irene Judy Kim"
    " Linda Molly Naomi Olive Pam Rachel Susan Tara Amina Chloe Daisy"
)
MEN = each_word(
    "Tom Ben Sam Max Leo Paul Peter Jack Ali Omar Ivan Luca Noah Finn Jonas Karl David Simon Adam"
    " Hugo Oscar Felix Theo Victor Raj Kenji Chen Diego Pedro Marco Nico Otto Ravi Tariq Yusuf Alan"
    " Bill Carlos Dan Eric Frank George Henry Ian James Kevin Liam Mark Neil Oliver Philip Ron"
    " Steve"
    " Tim Will Zack Arthur Bruno Daniel Emil Gus Harry Jim Ken Louis Martin"
)
PETS = each_word(
    "Bella Rex Milo Luna Coco Max Daisy Rocky Pepper Biscuit Toffee Snowy Fluffy Spot Ginger Teddy"
    " Nala Simba Oreo Mango Peanut Cookie Shadow Smokey Buddy Tiger Honey Maple Pip Ziggy Bean"
    " Waffle"
    " Muffin Patch Poppy Rusty Sunny Misty Felix Bruno Olive Kiwi Hazel Cleo Dusty Lucky"
)
TOWNS = each_word(
    "Leeds York Oxford Dublin Paris Lyon Berlin Hamburg Vienna Graz Rome Milan Madrid Seville"
    " Lisbon"
    " Porto Oslo Bergen Stockholm Helsinki Athens Cairo Nairobi Lagos Accra Delhi Mumbai Tokyo"
    " Osaka"
    " Seoul Hanoi Manila Sydney Perth Auckland Toronto Montreal Boston Chicago Denver Dallas Miami"
    " Seattle Lima Bogota Santiago Quito Havana Glasgow Cardiff Bath Bristol Brighton Cork Prague"
    " Krakow Warsaw Budapest Zagreb Geneva Basel"
)
FAMILY_NAMES = each_word(
    "Brown Green Smith Baker Cook Hill Wood Stone Field Rivers Young Bell King Gray Fox Park Lane"
    " Moore Price Hall Reed Ward Cole West Silva Costa Rossi Weber Novak Khan Patel Tanaka Kim Lee"
    " Garcia Lopez Murphy Olsen Berg Lind"
)
STREETS = each_part(
    "Mill Street, Park Road, Station Road, High Street, Oak Street, River Lane, Church Street,"
    " Bridge Street, Garden Lane, King Street, Market Square, Hill Road, Lake Road, Rose Lane,"
    " Green Street, Castle Street, School Road, Harbour Street"
)

ONSETS = each_word("b d f g h j k l m n p r s t v w y z b d k l m n r s t br ch dr sh th")
VOWELS = each_word("a a a a e e e i i i o o o u u ai ia io")
CODAS = each_word("d k l m n n nd ng r r s sh t")
INVENTED = 0.5
"""The share of invented names among all."""

INSULTING = each_word(
    "nazi hitl rape nig kik puta pedo nude homo shi shat fuk fuc kunt dik dyk tit fag gook jap jew"
    " slut hor wank sex anal anus porn turd coc coon spic slav kil dea mur sata hel"
)
"""What no invented name may hold, in small letters."""


@dataclass(frozen=True)
class Person:
    """Somebody, and the words that stand for the name: she, her, her."""

    name: str
    they: str
    them: str
    their: str


def invented(random: Random) -> str:
    """A name that few have met. A model that knows few names says one of these for another; so many
    can only be copied."""
    while True:
        name = ""
        for _ in range(random.choice((2, 2, 2, 3))):
            name += random.choice(ONSETS) + random.choice(VOWELS)
            name += random.choice(("", "", random.choice(CODAS)))
        if not any(stem in name for stem in INSULTING):
            return name.capitalize()


def one_of(random: Random, known: Sequence[str], others: Sequence[str]) -> str:
    """One of the known names, or an invented one; none of the others."""
    while True:
        name = invented(random) if random.random() < INVENTED else random.choice(known)
        if name not in others:
            return name


def person(random: Random, *others: Person) -> Person:
    """Somebody who is none of the others."""
    taken = [other.name for other in others]
    if random.random() < 0.5:
        return Person(one_of(random, WOMEN, taken), "she", "her", "her")
    return Person(one_of(random, MEN, taken), "he", "him", "his")


def pet_name(random: Random, *others: str) -> str:
    """What an animal is called; none of the others."""
    return one_of(random, PETS, others)


def town(random: Random, *others: str) -> str:
    """A town that is none of the others."""
    return one_of(random, TOWNS, others)
