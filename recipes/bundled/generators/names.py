"""Names of people, pets and places, and the pronouns that go with them."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Person:
    """Somebody, and the words that stand for the name: she, her, her."""

    name: str
    they: str
    them: str
    their: str


def person(random: Random, *others: Person) -> Person:
    """Somebody who is none of the others."""
    while True:
        if random.random() < 0.5:
            one = Person(random.choice(WOMEN), "she", "her", "her")
        else:
            one = Person(random.choice(MEN), "he", "him", "his")
        if all(one.name != other.name for other in others):
            return one


def town(random: Random, *others: str) -> str:
    """A town that is none of the others."""
    return random.choice([name for name in TOWNS if name not in others])
