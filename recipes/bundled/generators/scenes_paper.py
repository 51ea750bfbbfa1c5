"""Passages as they are written down: letters, notes, recipes, notices, little reports."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.names import TOWNS, person, town
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.scene import Scene, fact
from recipes.bundled.generators.wording import a, capital, each_part, each_word, listed

DAYS = each_word("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = each_word("January March April May June July August September October December")
EVENTS = each_part(
    "concert, book sale, flea market, dance class, film night, garden party, meeting, chess evening"
)
PLACES = (
    "the town hall", "the school", "the library", "the old church", "the park", "the sports hall",
    "the museum", "Room 12",
)  # fmt: skip
DISHES = {
    "pancakes": ("flour", "eggs", "milk"), "tomato soup": ("tomatoes", "onions", "salt"),
    "a fruit salad": ("apples", "bananas", "grapes"), "an omelette": ("eggs", "butter", "cheese"),
    "bread": ("flour", "water", "yeast"), "rice pudding": ("rice", "milk", "sugar"),
    "potato soup": ("potatoes", "leeks", "cream"), "a cake": ("flour", "sugar", "eggs"),
    "noodles with cheese": ("noodles", "cheese", "pepper"),
    "lemonade": ("lemons", "sugar", "water"),
}  # fmt: skip


def letter(random: Random) -> Scene:
    """A letter from one person to another."""
    writer = person(random)
    reader = person(random, writer)
    friend = person(random, writer, reader)
    place, day = town(random), random.choice(DAYS)
    weather = random.choice(("sunny", "rainy", "cold", "windy", "very hot", "cloudy"))
    did = random.choice(("swam in the lake", "climbed a hill", "visited a museum", "baked bread",
                         "went fishing", "saw an old church", "rode bikes"))  # fmt: skip
    bring = random.choice(
        ("a book", "warm socks", "a cake", "your camera", "the map", "a good game")
    )
    hour = random.randint(1, 9)
    return Scene(
        first=(
            fact(f"Dear {reader.name}, I am writing to you from {place}.",
                 ("Who is the letter to?|Who gets the letter?|Who was the letter written to?",
                  f"{reader.name}.|The letter is to {reader.name}."),
                 ("Where is the writer?|Where was the letter written?|Where does the letter come"
                  " from?",
                  f"In {place}.|{place}.")),
        ),
        more=(
            fact(f"It is {weather} here.",
                 (f"How is the weather in {place}?|What is the weather like there?",
                  f"{capital(weather)}.|It is {weather}.")),
            fact(f"Yesterday {friend.name} and I {did}.",
                 ("What did they do yesterday?|What did the writer do yesterday?",
                  f"They {did}."),
                 ("Who was with the writer yesterday?", f"{friend.name}.|{friend.name} was.")),
            fact(f"I will come to see you on {day} at {in_words(hour)}.",
                 ("When will the writer come?|On which day will the writer come?",
                  f"On {day}.|On {day} at {in_words(hour)}.")),
            fact(f"Please have {bring} ready for me.",
                 (f"What should {reader.name} have ready?|What does the writer want {reader.name}"
                  f" to"
                  f" have ready?", f"{capital(bring.replace('your ', 'the '))}.")),
            fact(f"Love, {writer.name}",
                 ("Who wrote the letter?|Who is the letter from?|Who is the writer?",
                  f"{writer.name}.|{writer.name} wrote it.")),
        ),
        unknown=(f"How old is {reader.name}?", "How long is the way?",
        f"Where does {reader.name} work?",
                 "What did the stamp cost?", f"What is {friend.name}'s job?"),
    )  # fmt: skip


def recipe(random: Random) -> Scene:
    """How to make a dish."""
    dish = random.choice(list(DISHES))
    things = list(DISHES[dish])
    random.shuffle(things)
    people, minutes = random.randint(2, 8), random.choice((5, 10, 15, 20, 25, 30, 40, 45))
    served = random.choice(("with bread", "with a green salad", "in small bowls", "with mint"))
    whose = random.choice(("grandmother", "aunt", "father", "neighbour", "cousin"))
    mixed = random.choice(("with a wooden spoon", "in a big bowl", "with a fork"))
    keep = random.choice((2, 3, 4, 5))
    it = dish.removeprefix("a ").removeprefix("an ")
    return Scene(
        first=(
            fact(f"To make {dish} you need {listed(things)}.",
                 (f"What do you need for {dish}?|What do I need to make {dish}?|What goes into the"
                  f" {it}?", f"{capital(listed(things))}.|You need {listed(things)}."),
                 ("What is the recipe for?|What can you make with this recipe?",
                  f"{capital(dish)}.|It is for {dish}.")),
        ),
        more=(
            fact(f"The recipe is enough for {in_words(people)} people.",
                 ("How many people is it for?|For how many people is the recipe?|How many people"
                  " can"
                  " eat?",
                  f"{capital(in_words(people))}.|For {in_words(people)} people.|{people}.")),
            fact(f"First mix everything {mixed}.",
                 ("What do you do first?|What is the first step?",
                  f"Mix everything {mixed}.|First you mix everything {mixed}.")),
            fact(f"It takes {minutes} minutes.",
                 ("How long does it take?|How many minutes does it take?",
                  f"{minutes} minutes.|It takes {minutes} minutes.")),
            fact(f"Serve it {served}.",
                 ("How should you serve it?|How is it served?",
                  f"{capital(served)}.|Serve it {served}.")),
            fact(f"I have the recipe from my {whose}.",
                 ("Who is the recipe from?|Where does the recipe come from?",
                  f"From the writer's {whose}.|The writer's {whose}.")),
            fact(f"You can keep it for {in_words(keep)} days.",
                 ("How long can you keep it?|For how many days can you keep it?",
                  f"{capital(in_words(keep))} days.|For {in_words(keep)} days.")),
        ),
        unknown=("How much does it cost?", "How hot must the oven be?",
        "What should you drink with it?",
                 "Where can I buy a pan?", "Who is the best cook?"),
    )  # fmt: skip


def notice(random: Random) -> Scene:
    """An event on a wall."""
    event = random.choice(EVENTS)
    place = random.choice(PLACES)
    date, month = random.randint(1, 28), random.choice(MONTHS)
    hour, price = random.randint(2, 8), random.randint(2, 15)
    bring = random.choice(
        ("a chair", "good shoes", "something to drink", "a pencil", "warm clothes")
    )
    call = person(random)
    moved = random.choice(("too few people had time", "of the bad weather", "many people were ill",
                           "the lights did not work"))  # fmt: skip
    return Scene(
        first=(
            fact(f"The {event} is on {date} {month} in {place}.",
                 (f"When is the {event}?|On which date is the {event}?|What is the date of the"
                  f" {event}?",
                  f"On {date} {month}.|{date} {month}.|It is on {date} {month}."),
                 (f"Where is the {event}?|Where will the {event} be?",
                  f"In {place}.|It is in {place}."),
                 ("What is the notice about?|What is going to happen?", f"{capital(a(event))}.")),
        ),
        more=(
            fact(f"It begins at {hour} pm.",
                 ("When does it begin?|What time does it start?|At what time does it begin?",
                  f"At {hour} pm.|It begins at {hour} pm.|{hour} pm.")),
            fact(f"Tickets are {price} dollars, and children come in free.",
                 ("How much is a ticket?|What do tickets cost?|How much are tickets?",
                  f"{price} dollars.|A ticket is {price} dollars."),
                 ("How much do children pay?|Do children have to pay?",
                  "Children come in free.|Nothing, they come in free.")),
            fact(f"Please bring {bring}.",
                 ("What should people bring?|What should I bring?|What do I have to bring?",
                  f"{capital(bring)}.|You should bring {bring}.")),
            fact(f"For questions, ask {call.name}.",
                 ("Who can I ask?|Who answers questions?|Who should I ask if I have a question?",
                  f"{call.name}.|You can ask {call.name}.")),
            fact(f"It was moved from last month because {moved}.",
                 (f"Why was the {event} moved?|Why was it moved?",
                  f"Because {moved}.|It was moved because {moved}.")),
        ),
        unknown=("How many people will come?", "Who paid for it?", "Is there a place to park?",
                 f"How long does the {event} last?", "Will there be food?"),
    )  # fmt: skip


def garden(random: Random) -> Scene:
    """What grows in somebody's garden or lives on a farm."""
    one = person(random)
    helper = person(random, one)
    farm = random.random() < 0.5
    names = ("cows sheep goats hens ducks horses pigs" if farm else
             "roses tulips tomatoes beans carrots onions sunflowers").split()  # fmt: skip
    first, second, third = random.sample(names, 3)
    numbers = random.sample(range(3, 30), 2)
    place = "farm" if farm else "garden"
    near = random.choice(
        ("near a river", "behind the school", "on a hill", "at the edge of the forest")
    )
    month = random.choice(MONTHS)
    sold = random.choice(("at the market", "to the neighbours", "to a shop in town"))
    problem = random.choice(("a fox came in the night", "there was too much rain",
    "the fence broke",
                             "it was too dry"))  # fmt: skip
    return Scene(
        first=(
            fact(f"{one.name} has a {place} {near}.",
                 (f"Where is the {place}?|Where is {one.name}'s {place}?",
                  f"{capital(near)}.|The {place} is {near}.|It is {near}."),
                 (f"Who has a {place}?|Whose {place} is it?", f"{one.name}.")),
            fact(f"There are {numbers[0]} {first} and {numbers[1]} {second}.",
                 (f"How many {first} are there?|How many {first} does {one.name} have?",
                  f"{numbers[0]}.|There are {numbers[0]} {first}.|{numbers[0]} {first}."),
                 (f"How many {second} are there?|How many {second} does {one.name} have?",
                  f"{numbers[1]}.|There are {numbers[1]} {second}.|{numbers[1]} {second}.")),
        ),
        more=(
            fact(f"In {month} {one.they} bought some {third} too.",
                 (f"What did {one.name} buy?", f"Some {third}.|{one.name} bought some {third}."),
                 (f"When did {one.name} buy the {third}?|In which month did {one.name} buy the"
                  f" {third}?",
                  f"In {month}.|{month}.")),
            fact(f"{helper.name} helps {one.them} every morning.",
                 (f"Who helps {one.name}?", f"{helper.name}.|{helper.name} helps {one.them}."),
                 (f"When does {helper.name} help?|How often does {helper.name} help?",
                  "Every morning.")),
            fact(f"{one.name} sells {first if not farm else 'eggs and milk'} {sold}.",
                 (f"What does {one.name} sell?",
                  f"{capital(first if not farm else 'eggs and milk')}."),
                 (f"Where does {one.name} sell things?|Who does {one.name} sell to?",
                  f"{capital(sold)}.")),
            fact(f"Last year was hard because {problem}.",
                 ("Why was last year hard?", f"Because {problem}.|It was hard because {problem}.")),
        ),
        unknown=(f"How big is the {place}?", f"How old is {one.name}?", f"How old is the {place}?",
                 f"What is {one.name}'s favourite colour?", "How much money did the fence cost?"),
    )  # fmt: skip


def place(random: Random) -> Scene:
    """A town that was made up."""
    name = random.choice(
        each_word("Ash Elm Fern Hazel Oak Rose Stone Mill Lake Moss Wind Clay Thorn")
    )
    name += random.choice(each_word("ford ton bury field wick dale port ham bridge"))
    lies = random.choice(("by the sea", "in the mountains", "on a river", "in a deep forest",
    "on an"
                          " island", "between two hills"))  # fmt: skip
    people, year = random.randint(2, 90) * 100, random.randint(1100, 1900)
    known = random.choice(
        ("cheese", "apples", "old clocks", "blue pottery", "music", "honey", "ships")
    )
    mayor = person(random)
    market, big = random.choice(DAYS), random.choice(sorted(TOWNS))
    away = random.randint(5, 90)
    visit = random.choice(("the old tower", "the old gate", "the lighthouse", "the water mill"))
    return Scene(
        first=(
            fact(f"{name} is a small town {lies}.",
                 (f"Where is {name}?|Where does {name} lie?",
                  f"{capital(lies)}.|{name} lies {lies}."
                  f"|It is {lies}."),
                 (f"What is {name}?", f"A small town.|{name} is a small town.")),
        ),
        more=(
            fact(f"About {people} people live there.",
                 (f"How many people live in {name}?|How many people live there?",
                  f"About {people}.|About {people} people.|About {people} people live there.")),
            fact(f"It was founded in {year}.",
                 (f"When was {name} founded?|In which year was {name} founded?",
                  f"In {year}.|{year}.|It was founded in {year}.")),
            fact(f"The town is known for its {known}.",
                 (f"What is {name} known for?|What is the town known for?",
                  f"Its {known}.|{capital(known)}.|It is known for its {known}.")),
            fact(f"The mayor is called {mayor.name}.",
                 ("Who is the mayor?|What is the mayor called?|What is the name of the mayor?",
                  f"{mayor.name}.|The mayor is {mayor.name}.")),
            fact(f"There is a market every {market}.",
                 ("When is the market?|On which day is there a market?|How often is there a"
                  " market?",
                  f"Every {market}.|There is a market every {market}.")),
            fact(f"{big} is {away} km away.",
                 (f"How far is it to {big}?|How far away is {big}?",
                  f"{away} km.|{big} is {away} km away.|It is {away} km.")),
            fact(f"Most visitors come to see {visit}.",
                 ("What do most visitors want to see?|What do visitors come to see?",
                  f"{capital(visit)}.|They come to see {visit}.")),
        ),
        unknown=(f"How many schools are there in {name}?", "What is the name of the river?",
                 f"How do I get to {name}?", "When was the mayor born?", "Is there a hospital?"),
    )  # fmt: skip


SCENES = (letter, recipe, notice, garden, place)
