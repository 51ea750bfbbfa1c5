"""Passages about people: pets, work, moving, birthdays, hobbies, illness, families."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.names import STREETS, person, pet_name, town
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.scene import Scene, fact
from recipes.bundled.generators.wording import a, capital, each_word, listed

COLOURS = each_word("black white brown grey red yellow blue green orange")
DAYS = each_word("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
JOBS = each_word(
    "teacher nurse baker doctor driver cook painter gardener farmer dentist pilot waiter singer"
    " writer builder postman vet tailor librarian plumber"
)
HOBBIES = each_word(
    "painting swimming reading cooking fishing dancing chess tennis football gardening singing"
    " knitting running drawing"
)


def pet(random: Random) -> Scene:
    """Somebody's animal."""
    one = person(random)
    name = pet_name(random, one.name)
    animal = random.choice(each_word("dog cat rabbit parrot hamster pony goat turtle"))
    colour, age = random.choice(COLOURS[:4]), random.randint(2, 12)
    years = random.choice((str(age), in_words(age)))
    place = random.choice(
        ("under the bed", "on the sofa", "in a basket", "next to the stove", "in the garden")
    )
    food = random.choice(("carrots", "apples", "cheese", "fish", "bananas", "rice", "bread"))
    afraid = random.choice(("storms", "cars", "water", "loud music", "strangers", "the wind"))
    given = random.choice(("grandmother", "uncle", "aunt", "neighbour", "best friend", "brother"))
    return Scene(
        first=(
            fact(
                random.choice(("{n} has {c} {x} called {p}.", "{n} has {c} {x}. Its name is {p}.",
                               "{n}'s pet is {c} {x} named {p}.")).format(
                    n=one.name, c=a(colour), x=animal, p=name),
                (f"What is the {animal} called?|What is the name of {one.name}'s pet?|What's the"
                 f" {animal}'s name?",
                 f"{name}.|It is called {name}.|The {animal} is called {name}."),
                (f"What colour is {name}?|What colour is the {animal}?",
                 f"{capital(colour)}.|{name} is {colour}.|It is {colour}."),
                (f"What kind of animal is {name}?|What is {name}?",
                 f"{capital(a(animal))}.|{name} is {a(animal)}.|It is {a(animal)}."),
                (f"Who has {a(animal)}?|Whose {animal} is {name}?",
                 f"{one.name}."),
            ),
        ),
        more=(
            fact(f"{name} is {years} years old.",
                 (f"How old is {name}?|What age is the {animal}?",
                  f"{capital(years)} years old.|{name} is {years} years old.|{capital(years)}.")),
            fact(f"{capital(one.their)} {given} gave it to {one.them}.",
                 (f"Who gave {one.name} the {animal}?|Where did {one.name} get {name} from?",
                  f"{capital(one.their)} {given}.|From {one.their} {given}.")),
            fact(f"At night {name} sleeps {place}.",
                 (f"Where does {name} sleep?|Where is {name} at night?",
                  f"{capital(place)}.|{name} sleeps {place}.")),
            fact(f"The {animal} loves to eat {food}.",
                 (f"What does {name} love to eat?|What does the {animal} like to eat?",
                  f"{capital(food)}.|It loves {food}.|{name} loves to eat {food}.")),
            fact(f"It is afraid of {afraid}.",
                 (f"What is {name} afraid of?|What scares the {animal}?",
                  f"{capital(afraid)}.|{name} is afraid of {afraid}.|It is afraid of {afraid}.")),
        ),
        unknown=(f"How much did {name} cost?", f"Where was {name} born?",
                 f"What is {one.name}'s last name?", f"How old is {one.name}?",
                 f"Does {one.name} have a sister?", f"How heavy is {name}?"),
    )  # fmt: skip


def worker(random: Random) -> Scene:
    """Somebody's work and home."""
    one = person(random)
    other = person(random, one)
    job, city = random.choice(JOBS), town(random)
    born = town(random, city)
    start, age = random.randint(5, 9), random.randint(22, 64)
    transport = random.choice(("by bus", "by bike", "by train", "on foot", "by car", "by tram"))
    hobby = random.choice(HOBBIES)
    reason = random.choice(
        (f"{one.they} likes to help people", "the pay is good", f"{one.they} can be outside a lot",
         f"{one.their} father did the same work", f"{one.they} works with good friends")
    )  # fmt: skip
    children = random.randint(2, 4)
    return Scene(
        first=(
            fact(f"{one.name} is {a(job)} and lives in {city}.",
                 (f"What is {one.name}'s job?|What does {one.name} do?|What does {one.name} work"
                  f" as?",
                  f"{capital(one.they)} is {a(job)}.|{one.name} is {a(job)}.|{capital(a(job))}."),
                 (f"Where does {one.name} live?|In which town does {one.name} live?|Which city does"
                  f" {one.name} live in?", f"In {city}.|{one.name} lives in {city}.|{city}.")),
        ),
        more=(
            fact(f"{capital(one.they)} was born in {born}.",
                 (f"Where was {one.name} born?|Where does {one.name} come from?",
                  f"In {born}.|{one.name} was born in {born}.|{born}.")),
            fact(f"{capital(one.they)} is {age} years old.",
                 (f"How old is {one.name}?|What is {one.name}'s age?",
                  f"{age}.|{age} years old.|{one.name} is {age}.")),
            fact(f"Every day {one.they} goes to work {transport}.",
                 (f"How does {one.name} get to work?|How does {one.name} go to work?",
                  f"{capital(transport)}.|{one.name} goes {transport}.")),
            fact(f"Work starts at {start} in the morning.",
                 (f"When does {one.name} start work?|At what time does {one.name} start to"
                  f" work?|When"
                  f" does work start?",
                  f"At {start} in the morning.|At {start}.|Work starts at {start}.")),
            fact(f"{capital(one.they)} likes the job because {reason}.",
                 (f"Why does {one.name} like the job?|Why does {one.name} like {one.their} work?",
                  f"Because {reason}.|{one.name} likes it because {reason}.")),
            fact(f"In the evening {one.they} enjoys {hobby}.",
                 (f"What does {one.name} enjoy in the evening?|What does {one.name} do in the"
                  f" evening?",
                  f"{capital(hobby)}.|{one.name} enjoys {hobby}.")),
            fact(f"{one.name} and {other.name} are married and have {in_words(children)} children.",
                 (f"Who is {one.name} married to?", f"{other.name}.|{one.name} is married to"
                  f" {other.name}."),
                 (f"How many children does {one.name} have?|How many children do they have?",
                  f"{capital(in_words(children))}.|{children}.|They have {in_words(children)}"
                  f" children.")),
        ),
        unknown=(f"What is {one.name}'s favourite food?", f"How much money does {one.name} earn?",
                 f"What colour is {one.name}'s house?", f"Does {one.name} have a dog?",
                 f"What is {one.name}'s phone number?"),
    )  # fmt: skip


def moving(random: Random) -> Scene:
    """Somebody has moved house."""
    one = person(random)
    other = person(random, one)
    old = town(random)
    new = town(random, old)
    month = random.choice(each_word("January March April May June July August September October"))
    rooms = random.randint(2, 6)
    street, colour = random.choice(STREETS), random.choice(COLOURS[4:])
    reason = random.choice(
        (f"{one.they} found a new job there", f"{one.they} wanted to live near the sea",
         f"{one.their} parents live there", f"{one.they} is going to study there",
         "the old flat was too small")
    )  # fmt: skip
    likes = random.choice(("the big kitchen", "the quiet street", "the view", "the garden"))
    return Scene(
        first=(
            fact(f"In {month} {one.name} moved from {old} to {new}.",
                 (f"Where did {one.name} move to?|Where does {one.name} live now?|Which town did"
                  f" {one.name} move to?", f"To {new}.|{new}.|{one.name} moved to {new}."),
                 (f"Where did {one.name} live before?|Which town did {one.name} leave?",
                  f"In {old}.|{old}.|{one.name} lived in {old} before."),
                 (f"When did {one.name} move?|In which month did {one.name} move?",
                  f"In {month}.|{one.name} moved in {month}.|{month}.")),
        ),
        more=(
            fact(f"{capital(one.they)} moved because {reason}.",
                 (f"Why did {one.name} move?|What was the reason for the move?",
                  f"Because {reason}.|{one.name} moved because {reason}.")),
            fact(f"The new flat has {in_words(rooms)} rooms and {a(colour)} door.",
                 ("How many rooms does the new flat have?|How many rooms are there?",
                  f"{capital(in_words(rooms))}.|{rooms}.|It has {in_words(rooms)} rooms."),
                 ("What colour is the door?|What colour is the new door?",
                  f"{capital(colour)}.|The door is {colour}.")),
            fact(f"The flat is in {street}.",
                 (f"In which street is the flat?|What street does {one.name} live in?",
                  f"In {street}.|{street}.|The flat is in {street}.")),
            fact(f"{capital(one.their)} friend {other.name} helped to carry the boxes.",
                 ("Who helped to carry the boxes?|Who helped with the boxes?",
                  f"{other.name}.|{one.name}'s friend {other.name}.|{other.name} helped.")),
            fact(f"What {one.name} likes best is {likes}.",
                 (f"What does {one.name} like best?|What is the best thing about the flat for"
                  f" {one.name}?", f"{capital(likes)}.|{one.name} likes {likes} best.")),
        ),
        unknown=("How much is the rent?", f"How old is {one.name}?", "How many boxes were there?",
                 "Which floor is the flat on?", f"What is {one.name}'s job?"),
    )  # fmt: skip


def birthday(random: Random) -> Scene:
    """A party."""
    one = person(random)
    guests = [person(random, one)]
    while len(guests) < 3:
        guests.append(person(random, one, *guests))
    age, day = random.randint(4, 15), random.choice(DAYS)
    place = random.choice(("in the garden", "at home", "in the park", "at the beach", "at the zoo"))
    cake = random.choice(
        ("chocolate", "lemon", "apple", "carrot", "strawberry", "vanilla", "cherry")
    )
    gift = random.choice(
        ("a book", "a kite", "a ball", "a puzzle", "a watch", "a drum", "a scarf", "a bike")
    )
    game = random.choice(("hide and seek", "football", "cards", "a treasure hunt", "tag"))
    sang = random.choice([guest.name for guest in guests])
    names = listed([guest.name for guest in guests])
    return Scene(
        first=(
            fact(f"On {day} {one.name} turned {in_words(age)} and had a party {place}.",
                 (f"How old is {one.name} now?|How old did {one.name} turn?|What age did {one.name}"
                  f" turn?",
                  f"{capital(in_words(age))}.|{age}.|{one.name} turned {in_words(age)}."),
                 ("Where was the party?|Where did they have the party?",
                  f"{capital(place)}.|The party was {place}."),
                 ("When was the party?|On which day was the party?|What day was it?",
                  f"On {day}.|{day}.|The party was on {day}."),
                 ("Whose birthday was it?|Who had a party?", f"{one.name}.")),
            fact(f"{names} came.",
                 ("How many guests came?|How many friends came to the party?",
                  "Three.|3.|Three guests came."),
                 ("Who came to the party?|Who were the guests?", f"{names}.|{names} came.")),
        ),
        more=(
            fact(f"There was {a(cake)} cake.",
                 ("What kind of cake was there?|What cake did they have?|Which cake was it?",
                  f"{capital(a(cake))} cake.|There was {a(cake)} cake.|{capital(cake)} cake.")),
            fact(f"{guests[0].name} brought {gift}.",
                 (f"What did {guests[0].name} bring?|What was {guests[0].name}'s present?",
                  f"{capital(gift)}.|{guests[0].name} brought {gift}."),
                 (f"Who brought {gift}?", f"{guests[0].name}.|{guests[0].name} did.")),
            fact(f"After lunch they all played {game}.",
                 ("What did they play?|Which game did they play?|What did they play after lunch?",
                  f"{capital(game)}.|They played {game}.")),
            fact(f"In the end {sang} sang a song.",
                 ("Who sang a song?|Who sang in the end?", f"{sang}.|{sang} sang a song.")),
        ),
        unknown=("What was the weather like?", "How much did the cake cost?",
                 f"What is the name of {one.name}'s brother?", "When did the party end?",
                 "Who made the cake?", "What colour were the balloons?"),
    )  # fmt: skip


def ill(random: Random) -> Scene:
    """Somebody stays at home."""
    one = person(random)
    other = person(random, one)
    day = random.choice(DAYS[:5])
    pain = random.choice(
        ("a cold", "a fever", "a sore throat", "a headache", "a bad tooth", "a cough")
    )
    place = random.choice(("school", "work"))
    drink = random.choice(("hot tea", "warm milk", "lemon water", "chicken soup"))
    days = random.randint(2, 6)
    return Scene(
        first=(
            fact(f"{one.name} did not go to {place} on {day} because {one.they} had {pain}.",
                 (f"Why did {one.name} stay at home?|Why was {one.name} not at {place}?|Why did"
                  f" {one.name} not go to {place}?",
                  f"Because {one.they} had {pain}.|{one.name} had {pain}."),
                 (f"On which day did {one.name} stay at home?|When did {one.name} miss {place}?",
                  f"On {day}.|{day}."),
                 (f"Who had {pain}?|Who was ill?", f"{one.name}.")),
        ),
        more=(
            fact(f"{other.name} made {one.them} some {drink}.",
                 (f"Who made some {drink}?|Who looked after {one.name}?", f"{other.name}."),
                 (f"What did {other.name} make?|What did {one.name} get from {other.name}?",
                  f"{capital(drink)}.|Some {drink}.|{other.name} made some {drink}.")),
            fact(f"The doctor told {one.them} to rest for {in_words(days)} days.",
                 (f"How long should {one.name} rest?|How many days should {one.name} rest?",
                  f"{capital(in_words(days))} days.|For {in_words(days)} days.|{days} days.")),
            fact(f"{capital(one.they)} listened to the radio and slept a lot.",
                 (f"What did {one.name} listen to?",
                  f"The radio.|{one.name} listened to the radio.")),
            fact(f"Now {one.they} feels better.",
                 (f"How does {one.name} feel now?", f"Better.|{one.name} feels better now.")),
        ),
        unknown=("What is the doctor's name?", "How much was the medicine?",
                 f"How old is {one.name}?", f"Where does {one.name} live?",
                 f"What did {one.name} eat for breakfast?"),
    )  # fmt: skip


SCENES = (pet, worker, moving, birthday, ill)
