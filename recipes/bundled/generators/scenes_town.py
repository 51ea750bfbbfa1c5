"""Passages about shops, journeys, timetables, towns, matches and lost things."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.names import FAMILY_NAMES, STREETS, person, town
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.scene import Scene, fact
from recipes.bundled.generators.wording import a, capital, each_word

DAYS = each_word("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
SHOPS = {
    "bakery": ("bread", "cakes", "rolls"), "flower shop": ("roses", "tulips", "plants"),
    "book shop": ("novels", "maps", "comics"), "toy shop": ("dolls", "puzzles", "kites"),
    "cheese shop": ("cheese", "butter", "olives"), "bike shop": ("bikes", "helmets", "bells"),
    "tea shop": ("tea", "honey", "cups"), "shoe shop": ("boots", "sandals", "laces"),
    "fruit shop": ("apples", "melons", "grapes"), "pet shop": ("birds", "fish", "dog food"),
}  # fmt: skip


def shop(random: Random) -> Scene:
    """A shop, its hours and its people."""
    kind = random.choice(list(SHOPS))
    owner = person(random)
    boss = random.choice((owner.name, f"{owner.name} {random.choice(FAMILY_NAMES)}"))
    helper = person(random, owner)
    street = random.choice(STREETS)
    opens, closes = random.randint(6, 10), random.randint(4, 8)
    closed = random.choice(DAYS)
    goods = list(SHOPS[kind])
    random.shuffle(goods)
    price, since = random.randint(2, 30), random.randint(1950, 2020)
    reason = random.choice(
        ("the people there are friendly", "it is never crowded", "it is close to the station",
         "everything is fresh" if kind in ("bakery", "fruit shop",
         "cheese shop") else "it is cheap")
    )  # fmt: skip
    return Scene(
        first=(
            fact(random.choice((f"There is a small {kind} in {street}.",
                                f"In {street} there is {a(kind)}.", f"The {kind} is in {street}.")),
                 (f"Where is the {kind}?|In which street is the {kind}?",
                  f"In {street}.|{street}.|The {kind} is in {street}."),
                 (f"What kind of shop is in {street}?|Which shop is in {street}?",
                  f"{capital(a(kind))}.|There is {a(kind)}.")),
        ),
        more=(
            fact(f"It belongs to {boss}.",
                 (f"Who owns the {kind}?|Whose shop is it?|Who does the {kind} belong to?",
                  f"{boss}.|It belongs to {boss}.")),
            fact(f"It opens at {opens} in the morning and closes at {closes} in the evening.",
                 (f"When does the {kind} open?|At what time does the shop open?|When does it open?",
                  f"At {opens} in the morning.|It opens at {opens}.|At {opens}."),
                 (f"When does the {kind} close?|At what time does the shop close?",
                  f"At {closes} in the evening.|It closes at {closes}.|At {closes}.")),
            fact(f"On {closed} it is closed.",
                 (f"On which day is the {kind} closed?|When is the shop closed?",
                  f"On {closed}.|{closed}.|It is closed on {closed}."),
                 (f"Can I go there on {closed}?|Is the {kind} open on {closed}?",
                  f"No, it is closed on {closed}.|No.")),
            fact(f"You can buy {goods[0]} and {goods[1]} there.",
                 (f"What can you buy there?|What does the {kind} sell?|What do they sell?",
                  f"{capital(goods[0])} and {goods[1]}.|You can buy {goods[0]} and {goods[1]}.")),
            fact(f"{helper.name} works there too.",
                 ("Who else works there?|Who works there too?",
                  f"{helper.name}.|{helper.name} does.")),
            fact(f"A gift box costs {price} dollars.",
                 ("How much is a gift box?|What does a gift box cost?|How much does a gift box"
                  " cost?",
                  f"{price} dollars.|A gift box costs {price} dollars.")),
            fact(f"The shop has been there since {since}.",
                 ("Since when has the shop been there?|Since which year has the shop been there?",
                  f"Since {since}.|{since}.")),
            fact(f"Many people like it because {reason}.",
                 ("Why do people like the shop?|Why do many people like it?",
                  f"Because {reason}.|They like it because {reason}.")),
        ),
        unknown=("What is the phone number of the shop?", "How big is the shop?",
                 "What colour is the door?", "How many customers come every day?",
                 "Is there a place to park?"),
    )  # fmt: skip


def journey(random: Random) -> Scene:
    """A trip of two people."""
    one = person(random)
    other = person(random, one)
    home = town(random)
    goal = town(random, home)
    day = random.choice(DAYS)
    by = random.choice(("by train", "by bus", "by car", "by bike"))
    hour, hours = random.randint(6, 10), random.randint(2, 6)
    saw = random.choice(("an old castle", "the harbour", "a big museum", "the zoo", "a market",
                         "a tall tower", "the old bridge"))  # fmt: skip
    ate = random.choice(("pizza", "soup", "sandwiches", "ice cream", "noodles", "fish and chips"))
    bought = random.choice(("a postcard", "a red hat", "a map", "a small clock", "a blue cup"))
    reason = random.choice(("it began to rain", "they were tired", "it was getting dark",
                            f"{other.name} felt cold"))  # fmt: skip
    why = random.choice(("to visit an aunt", "to see a play", "to meet friends", "for a holiday"))
    return Scene(
        first=(
            fact(f"On {day} {one.name} and {other.name} travelled from {home} to {goal} {by}.",
                 ("Where did they go?|Where did they travel to?|Which town did they visit?",
                  f"To {goal}.|They went to {goal}.|{goal}."),
                 ("Where did they start?|Where did the trip begin?|Where did they come from?",
                  f"In {home}.|{home}.|They started in {home}."),
                 (f"How did they get to {goal}?|How did they travel?",
                  f"{capital(by)}.|They travelled {by}.|They went {by}."),
                 ("When did they travel?|On which day was the trip?", f"On {day}.|{day}."),
                 (f"Who went with {one.name}?|Who did {one.name} travel with?", f"{other.name}."
                  f"|{one.name} went with {other.name}.")),
        ),
        more=(
            fact(f"They went there {why}.",
                 (f"Why did they go to {goal}?|Why did they travel?|What was the trip for?",
                  f"{capital(why)}.|They went there {why}.")),
            fact(f"They left at {hour} in the morning.",
                 ("When did they leave?|At what time did they leave?|What time did they leave?",
                  f"At {hour} in the morning.|At {hour}.|They left at {hour}.")),
            fact(f"The trip took {in_words(hours)} hours.",
                 ("How long did the trip take?|How long was the trip?|How many hours did it take?",
                  f"{capital(in_words(hours))} hours.|{hours} hours.|It took {in_words(hours)}"
                  f" hours.")),
            fact(f"First they saw {saw}.",
                 ("What did they see first?|What did they look at first?|What did they see?",
                  f"{capital(saw)}.|They saw {saw}.")),
            fact(f"For lunch they had {ate}.",
                 ("What did they have for lunch?|What did they eat?|What was for lunch?",
                  f"{capital(ate)}.|They had {ate}.|They ate {ate}.")),
            fact(f"{one.name} bought {bought}.",
                 (f"What did {one.name} buy?", f"{capital(bought)}.|{one.name} bought {bought}."),
                 (f"Who bought {bought}?", f"{one.name}.|{one.name} did.")),
            fact(f"They went home early because {reason}.",
                 ("Why did they go home early?|Why did they go home?",
                  f"Because {reason}.|They went home because {reason}.")),
        ),
        unknown=("How much did the tickets cost?", f"What is the name of the hotel in {goal}?",
                 f"How old is {other.name}?", "What was the weather like in the morning?",
                 "How many photos did they take?"),
    )  # fmt: skip


def departure(random: Random) -> Scene:
    """One train, bus, boat or plane."""
    vehicle = random.choice(("train", "bus", "boat", "plane", "tram"))
    start = town(random)
    goal = town(random, start)
    stop = town(random, start, goal)
    leave, arrive = random.randint(6, 11), random.randint(12, 20)
    minutes, later = (
        random.choice((0, 5, 10, 15, 20, 30, 40, 45)),
        random.choice((0, 10, 15, 25, 30, 50)),
    )
    name = {"train": "platform", "bus": "stop", "boat": "pier", "plane": "gate", "tram": "stop"}[
        vehicle
    ]
    where, price = random.randint(1, 14), random.randint(5, 90)
    late = random.choice((5, 10, 15, 20, 25, 30))
    reason = random.choice(("of the snow", "of heavy rain", "of a broken door", "of a strike",
                            "of fog"))  # fmt: skip
    out, there = f"{leave}:{minutes:02d}", f"{arrive}:{later:02d}"
    return Scene(
        first=(
            fact(f"The {vehicle} to {goal} leaves {start} at {out}.",
                 (f"When does the {vehicle} leave?|What time does the {vehicle} to {goal} leave?|At"
                  f" what time does it leave {start}?", f"At {out}.|It leaves at {out}.|{out}."),
                 (f"Where does the {vehicle} go?|Where is the {vehicle} going?",
                  f"To {goal}.|It goes to {goal}.|{goal}."),
                 (f"Where does the {vehicle} start?|Where does it leave from?",
                  f"In {start}.|It starts in {start}.|{start}.")),
        ),
        more=(
            fact(f"It arrives at {there}.",
                 (f"When does the {vehicle} arrive?|What time does it arrive in {goal}?|When does"
                  f" it"
                  f" get to {goal}?", f"At {there}.|It arrives at {there}.|{there}.")),
            fact(f"It leaves from {name} {where}.",
                 (f"Which {name} does it leave from?|What is the number of the {name}?|From which"
                  f" {name} does the {vehicle} leave?",
                  f"{capital(name)} {where}.|From {name} {where}.")),
            fact(f"On the way it stops in {stop}.",
                 ("Where does it stop on the way?|In which town does it stop?",
                  f"In {stop}.|It stops in {stop}.|{stop}.")),
            fact(f"A ticket costs {price} euros.",
                 ("How much is a ticket?|What does a ticket cost?|How much does a ticket cost?",
                  f"{price} euros.|A ticket costs {price} euros.")),
            fact(f"Today it is {late} minutes late because {reason}.",
                 (f"How late is the {vehicle} today?|How many minutes is it late?",
                  f"{late} minutes.|It is {late} minutes late."),
                 (f"Why is the {vehicle} late?|Why is it late today?",
                  f"Because {reason}.|It is late because {reason}.")),
            fact("Bikes can travel for free.",
                 ("What can travel for free?", "Bikes.|Bikes can.")),
        ),
        unknown=(f"How many seats does the {vehicle} have?", "Who is the driver?",
                 f"What colour is the {vehicle}?", "Can I buy food on the way?",
                 f"When does the last {vehicle} come back?"),
    )  # fmt: skip


def match(random: Random) -> Scene:
    """A race or a match."""
    runners = [person(random)]
    while len(runners) < 3:
        runners.append(person(random, *runners))
    first, second, third = (one.name for one in runners)
    kind = random.choice(("race", "swimming race", "bike race", "boat race", "ski race"))
    day, minutes = random.choice(DAYS), random.randint(8, 55)
    prize = random.choice(("a gold cup", "a medal", "a new bike", "a basket of fruit", "a watch"))
    watched = random.choice((50, 80, 100, 120, 200, 300, 500))
    why = random.choice(("hurt a foot", "started too late", "lost a shoe", "was very tired"))
    return Scene(
        first=(
            fact(f"{first} won the {kind} on {day}.",
                 (f"Who won the {kind}?|Who was first?|Who won?", f"{first}.|{first} won."),
                 (f"When was the {kind}?|On which day was the {kind}?",
                  f"On {day}.|{day}.|It was on {day}.")),
            fact(f"{second} came second.", ("Who came second?|Who was second?|Who was number two?",
                                            f"{second}.|{second} came second.")),
        ),
        more=(
            fact(f"{third} came last because {runners[2].they} {why}.",
                 ("Who came last?|Who was last?", f"{third}.|{third} came last."),
                 (f"Why did {third} come last?|Why was {third} last?",
                  f"Because {runners[2].they} {why}.|{third} {why}.")),
            fact(f"The winner needed {minutes} minutes.",
                 ("How long did the winner need?|How many minutes did the winner need?",
                  f"{minutes} minutes.|The winner needed {minutes} minutes.")),
            fact(f"The prize was {prize}.",
                 (f"What was the prize?|What did {first} get?|What did the winner get?",
                  f"{capital(prize)}.|The prize was {prize}.")),
            fact(f"About {watched} people watched.",
                 ("How many people watched?|How many people were there to watch?",
                  f"About {watched}.|About {watched} people watched.|{watched}.")),
        ),
        unknown=(f"How old is {first}?", "Where will the next one be?",
        f"What is {second}'s last name?",
                 "What did the winner say?", "How long was the way?"),
    )  # fmt: skip


def lost(random: Random) -> Scene:
    """Something is lost and found."""
    one = person(random)
    finder = person(random, one)
    thing = random.choice(each_word("umbrella phone bag scarf key hat wallet glove book"))
    colour = random.choice(each_word("red blue green black yellow grey"))
    day = random.choice(DAYS)
    places = ("in the kitchen", "in the car", "under the bed", "on the bus", "at school",
    "in the park",
              "behind the sofa", "at the station", "in the garden", "in the library")  # fmt: skip
    looked, found = random.sample(places, 2)
    gave = random.choice(("a cake", "some flowers", "a box of chocolates", "a card"))
    return Scene(
        first=(
            fact(f"On {day} {one.name} lost {one.their} {colour} {thing}.",
                 (f"What did {one.name} lose?|What was lost?",
                  f"{capital(a(colour))} {thing}.|{capital(one.their)} {colour} {thing}."),
                 (f"What colour is the {thing}?|What colour was the {thing}?",
                  f"{capital(colour)}.|The {thing} is {colour}."),
                 (f"When did {one.name} lose the {thing}?|On which day was it lost?",
                  f"On {day}.|{day}."),
                 (f"Who lost {a(thing)}?|Whose {thing} was it?", f"{one.name}.")),
        ),
        more=(
            fact(f"First {one.they} looked {looked}.",
                 (f"Where did {one.name} look first?|Where did {one.name} look?",
                  f"{capital(looked)}.|{one.name} looked {looked}.")),
            fact(f"In the evening {finder.name} found it {found}.",
                 (f"Who found the {thing}?|Who found it?",
                  f"{finder.name}.|{finder.name} found it."),
                 (f"Where was the {thing}?|Where did {finder.name} find it?",
                  f"{capital(found)}.|It was {found}."),
                 (f"When was the {thing} found?", "In the evening.|It was found in the evening.")),
            fact(f"{one.name} was so happy that {one.they} bought {gave}.",
                 (f"What did {one.name} buy?", f"{capital(gave)}.|{one.name} bought {gave}."),
                 (f"Why did {one.name} buy {gave}?", f"Because {one.they} was so happy.")),
        ),
        unknown=(f"How much did the {thing} cost?", f"Where did {one.name} buy the {thing}?",
                 f"How old is {one.name}?", "What was in the newspaper?",
                 f"Is {one.name} married?"),
    )  # fmt: skip


SCENES = (shop, journey, departure, match, lost)
