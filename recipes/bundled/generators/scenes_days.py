"""Passages about what happens on a day: school, music, weather, animals, hotels, calls, money."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.names import STREETS, person, town
from recipes.bundled.generators.numbers import in_words
from recipes.bundled.generators.scene import Scene, fact
from recipes.bundled.generators.wording import a, capital, each_word

DAYS = each_word("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
COLOURS = each_word("red blue green yellow white black orange pink")
SUBJECTS = each_word("maths history music art biology geography English")


def school(random: Random) -> Scene:
    """A day at school."""
    pupil = person(random)
    teacher = person(random, pupil)
    friend = person(random, pupil, teacher)
    first, best = random.sample(SUBJECTS, 2)
    day, children = random.choice(DAYS[:5]), random.randint(14, 31)
    lunch = random.choice(("soup", "pasta", "rice", "fish", "pancakes", "salad"))
    late = random.choice(("missed the bus", "had lost a shoe", "forgot the time", "met a friend"))
    homework = random.choice(("read a poem", "draw a tree", "learn ten words", "write a letter"))
    return Scene(
        first=(
            fact(f"On {day} {pupil.name} came late to school because {pupil.they} {late}.",
                 (f"Why was {pupil.name} late?|Why did {pupil.name} come late?",
                  f"Because {pupil.they} {late}.|{pupil.name} {late}."),
                 ("Who came late?|Who was late for school?", f"{pupil.name}.|{pupil.name} did."),
                 (f"On which day was {pupil.name} late?|When did {pupil.name} come late?",
                  f"On {day}.|{day}.")),
        ),
        more=(
            fact(f"The first lesson was {first}.",
                 ("What was the first lesson?|Which lesson came first?",
                  f"{capital(first)}.|The first lesson was {first}.")),
            fact(f"The teacher, {teacher.name}, was not angry.",
                 ("What is the teacher called?|Who is the teacher?|What is the teacher's name?",
                  f"{teacher.name}.|The teacher is {teacher.name}."),
                 ("Was the teacher angry?", "No.|No, the teacher was not angry.")),
            fact(f"There are {children} children in the class.",
                 ("How many children are in the class?|How big is the class?",
                  f"{children}.|There are {children} children.")),
            fact(f"For lunch there was {lunch}.",
                 ("What was there for lunch?|What did they have for lunch?",
                  f"{capital(lunch)}.|There was {lunch}.")),
            fact(f"{pupil.name} sits next to {friend.name}.",
                 (f"Who sits next to {pupil.name}?|Next to whom does {pupil.name} sit?",
                  f"{friend.name}.|{friend.name} does.")),
            fact(f"What {pupil.name} likes best is {best}.",
                 (f"Which subject does {pupil.name} like best?|What does {pupil.name} like best?",
                  f"{capital(best)}.|{pupil.name} likes {best} best.")),
            fact(f"For homework they have to {homework}.",
                 ("What is the homework?|What do they have to do for homework?",
                  f"{capital(homework)}.|They have to {homework}.")),
        ),
        unknown=("What is the name of the school?", f"How old is {pupil.name}?",
                 "What colour is the classroom?", "When does school end?",
                 f"What is {friend.name}'s favourite food?"),
    )  # fmt: skip


def band(random: Random) -> Scene:
    """People who make music."""
    players = [person(random)]
    while len(players) < 3:
        players.append(person(random, *players))
    one, two, three = (player.name for player in players)
    first, second = random.sample(("piano", "guitar", "violin", "drums", "flute", "trumpet"), 2)
    place = random.choice(("in a garage", "at school", "in the old mill", "in a kitchen"))
    day, songs = random.choice(DAYS), random.randint(3, 20)
    name = f"The {random.choice(COLOURS).capitalize()} {random.choice(('Birds', 'Hats', 'Boots'))}"
    where = random.choice(("a wedding", "a birthday", "the summer party", "the market"))
    return Scene(
        first=(
            fact(f"{one}, {two} and {three} play in a band called {name}.",
                 ("What is the band called?|What is the name of the band?",
                  f"{name}.|It is called {name}."),
                 ("How many people are in the band?|How many people play in the band?",
                  "Three.|3.|Three people play in the band."),
                 ("Who plays in the band?|Who is in the band?", f"{one}, {two} and {three}.")),
        ),
        more=(
            fact(f"{one} plays the {first}.",
                 (f"What does {one} play?|Which instrument does {one} play?",
                  f"The {first}.|{one} plays the {first}."),
                 (f"Who plays the {first}?", f"{one}.|{one} does.")),
            fact(f"{two} plays the {second}.",
                 (f"What does {two} play?|Which instrument does {two} play?",
                  f"The {second}.|{two} plays the {second}."),
                 (f"Who plays the {second}?", f"{two}.|{two} does.")),
            fact(f"They meet every {day}.",
                 ("When do they meet?|On which day do they meet?|How often do they meet?",
                  f"Every {day}.|They meet every {day}.")),
            fact(f"They practise {place}.",
                 ("Where do they practise?|Where does the band practise?",
                  f"{capital(place)}.|They practise {place}.")),
            fact(f"By now they know {songs} songs.",
                 ("How many songs do they know?|How many songs does the band know?",
                  f"{songs}.|They know {songs} songs.")),
            fact(f"Next month they will play at {where}.",
                 ("Where will they play next month?|Where are they going to play?",
                  f"At {where}.|They will play at {where}."),
                 (f"When will they play at {where}?", "Next month.")),
        ),
        unknown=(f"How old is {three}?", "How much does a ticket cost?", "Who wrote the songs?",
                 "Since when has there been a band?", f"What is {two}'s job?"),
    )  # fmt: skip


def weather(random: Random) -> Scene:
    """A day of bad weather."""
    one = person(random)
    other = person(random, one)
    day, city = random.choice(DAYS), town(random)
    storm = random.choice(("a storm", "heavy snow", "a lot of rain", "thick fog"))
    closed = random.choice(("the school", "the bridge", "the airport", "the museum", "the park"))
    hours, degrees = random.randint(2, 9), random.randint(2, 12)
    stayed = random.choice(("at home", "at the station", "in a hotel", "with a neighbour"))
    played = random.choice(("cards", "chess", "the piano", "a word game"))
    broke = random.choice(("a window", "an old tree", "the fence", "a lamp"))
    return Scene(
        first=(
            fact(f"On {day} there was {storm} in {city}.",
                 (f"What was the weather like in {city}?|What happened on {day}?",
                  f"There was {storm}."),
                 (f"Where was there {storm}?|In which town was it?", f"In {city}.|{city}."),
                 (f"When was there {storm}?|On which day was it?", f"On {day}.|{day}.")),
        ),
        more=(
            fact(f"It lasted {in_words(hours)} hours.",
                 ("How long did it last?|How many hours did it last?",
                  f"{capital(in_words(hours))} hours.|{hours} hours.")),
            fact(f"{capital(closed)} had to close.",
                 ("What had to close?", f"{capital(closed)}.|{capital(closed)} had to close.")),
            fact(f"It was only {degrees} degrees.",
                 ("How cold was it?|How many degrees was it?|What was the temperature?",
                  f"{degrees} degrees.|It was {degrees} degrees.")),
            fact(f"{one.name} and {other.name} stayed {stayed}.",
                 (f"Where did {one.name} and {other.name} stay?|Where was {one.name}?",
                  f"{capital(stayed)}.|They stayed {stayed}.")),
            fact(f"To pass the time {one.name} and {other.name} played {played}.",
                 ("What did they play?|How did they pass the time?",
                  f"They played {played}.")),
            fact(f"In the evening {broke} broke.",
                 ("What broke?|What broke in the evening?",
                  f"{capital(broke)}.|{capital(broke)} broke."),
                 (f"When did {broke} break?", "In the evening.")),
        ),
        unknown=("What will the weather be like tomorrow?", "How many people were hurt?",
                 f"How old is {other.name}?", "How much did the damage cost?",
                 f"Why was {one.name} in town?"),
    )  # fmt: skip


def rescue(random: Random) -> Scene:
    """An animal in trouble."""
    one = person(random)
    helper = person(random, one)
    animal = random.choice(each_word("cat duck goat lamb kitten owl hedgehog puppy"))
    place = random.choice(("in a tree", "on the roof", "in a hole", "under a bridge", "on the ice"))
    street = random.choice(STREETS)
    hour, minutes = random.randint(7, 11), random.choice((10, 15, 20, 30, 45))
    called = random.choice(("the fire brigade", "the police", "the vet", "a farmer"))
    used = random.choice(("a ladder", "a rope", "a net", "a basket", "some fish"))
    gave = random.choice(("milk", "water", "bread", "a warm blanket"))
    name = random.choice(("Lucky", "Star", "Button", "Pepper", "Moon"))
    return Scene(
        first=(
            fact(f"On the way through {street} {one.name} saw {a(animal)} {place}.",
                 (f"What did {one.name} see?",
                  f"{capital(a(animal))}.|{one.name} saw {a(animal)}."),
                 (f"Where was the {animal}?|Where did {one.name} see the {animal}?",
                  f"{capital(place)}.|The {animal} was {place}."),
                 (f"Who saw the {animal}?", f"{one.name}.|{one.name} did."),
                 (f"In which street was {one.name}?", f"In {street}.|{street}.")),
        ),
        more=(
            fact(f"It was {hour} in the morning.",
                 ("What time was it?|At what time was that?",
                  f"{hour} in the morning.|At {hour}.")),
            fact(f"{capital(one.they)} called {called}.",
                 (f"Who did {one.name} call?|Whom did {one.name} call for help?",
                  f"{capital(called)}.|{one.name} called {called}.")),
            fact(f"It took {minutes} minutes until help came.",
                 ("How long did it take until help came?|How many minutes did it take?",
                  f"{minutes} minutes.|It took {minutes} minutes.")),
            fact(f"They saved the {animal} with {used}.",
                 (f"What did they use to save the {animal}?|How did they save the {animal}?",
                  f"With {used}.|They used {used}.")),
            fact(f"{helper.name} gave it {gave}.",
                 (f"What did {helper.name} give the {animal}?|What did the {animal} get?",
                  f"{capital(gave)}.|{helper.name} gave it {gave}."),
                 (f"Who gave the {animal} {gave}?", f"{helper.name}.")),
            fact(f"Now the {animal} is called {name}.",
                 (f"What is the {animal} called now?|What is the {animal}'s name now?",
                  f"{name}.|It is called {name}.")),
        ),
        unknown=(f"How old is the {animal}?", f"What colour is the {animal}?",
                 f"Who owned the {animal} before?", f"Where does {helper.name} live?",
                 f"Where was {one.name} going?"),
    )  # fmt: skip


def hotel(random: Random) -> Scene:
    """A stay in a hotel."""
    one = person(random)
    name = random.choice(("Sun", "Star", "Lake", "Garden", "Harbour", "Mountain")) + " Hotel"
    city = town(random)
    nights, room = random.randint(2, 9), random.randint(2, 80)
    price, hour = random.choice((40, 55, 60, 75, 80, 95, 120)), random.randint(6, 9)
    view = random.choice(("the sea", "the park", "a church", "the river", "the station"))
    ate = random.choice(("eggs and toast", "bread and honey", "fruit", "pancakes", "cheese rolls"))
    bad = random.choice(("the bed was too soft", "the street was loud", "the shower was cold"))
    clerk = person(random, one)
    return Scene(
        first=(
            fact(f"{one.name} spent {in_words(nights)} nights at the {name} in {city}.",
                 (f"Where did {one.name} stay?|In which hotel was {one.name}?",
                  f"At the {name}.|The {name}.|{one.name} stayed at the {name}."),
                 ("In which town is the hotel?|Where is the hotel?", f"In {city}.|{city}."),
                 (f"How many nights did {one.name} stay?|How long did {one.name} stay?",
                  f"{capital(in_words(nights))} nights.|{nights} nights.")),
        ),
        more=(
            fact(f"The room had the number {room}.",
                 (f"What was the number of the room?|Which room did {one.name} have?",
                  f"{room}.|Room {room}.|The room had the number {room}.")),
            fact(f"A night cost {price} dollars.",
                 ("How much was a night?|What did a night cost?|How much did a night cost?",
                  f"{price} dollars.|A night cost {price} dollars.")),
            fact(f"From the window {one.they} could see {view}.",
                 (f"What could {one.name} see from the window?|What was outside the window?",
                  f"{capital(view)}.|{one.name} could see {view}.")),
            fact(f"Breakfast was at {hour}.",
                 ("When was breakfast?|At what time was breakfast?",
                  f"At {hour}.|It was at {hour}.")),
            fact(f"Every morning {one.they} ate {ate}.",
                 (f"What did {one.name} eat every morning?|What did {one.name} eat?",
                  f"{capital(ate)}.|{one.name} ate {ate}.")),
            fact(f"{clerk.name}, who worked there, carried the bags.",
                 ("Who carried the bags?|Who worked at the hotel?",
                  f"{clerk.name}.|{clerk.name} did.")),
            fact(f"{one.name} did not sleep well because {bad}.",
                 (f"Why did {one.name} not sleep well?|Why did {one.name} sleep badly?",
                  f"Because {bad}."),
                 (f"Did {one.name} sleep well?", f"No, because {bad}.|No.")),
        ),
        unknown=("How many rooms does the hotel have?", f"Who travelled with {one.name}?",
                 f"Why was {one.name} in {city}?", "Is there a pool?", "When was the hotel built?"),
    )  # fmt: skip


def call(random: Random) -> Scene:
    """A message left on the phone."""
    one = person(random)
    reader = person(random, one)
    other = person(random, one, reader)
    day, hour = random.choice(DAYS), random.randint(2, 9)
    place = random.choice(("the cafe", "the cinema", "the station", "the library", "the pool"))
    bring = random.choice(("the tickets", "an umbrella", "the red bag", "a cake", "the keys"))
    late = random.choice(("my bus is late", "I have to work", "I must see the doctor"))
    number = "-".join(str(random.randint(100, 999)) for _ in range(2))
    return Scene(
        first=(
            fact(f"Hi {reader.name}, this is {one.name}.",
                 ("Who is calling?|Who left the message?|Who is the message from?",
                  f"{one.name}.|{one.name} is calling."),
                 ("Who is the message for?|Who is being called?",
                  f"{reader.name}.|The message is for {reader.name}.")),
        ),
        more=(
            fact(f"Let us meet on {day} at {place}.",
                 ("Where do they want to meet?|Where will they meet?",
                  f"At {place}.|They want to meet at {place}."),
                 ("On which day do they want to meet?|On which day will they meet?",
                  f"On {day}.|{day}.")),
            fact(f"I can be there at {in_words(hour)}.",
                 (f"When can {one.name} be there?|At what time will {one.name} be there?",
                  f"At {in_words(hour)}.|{one.name} can be there at {in_words(hour)}.")),
            fact(f"I cannot come earlier because {late}.",
                 (f"Why can {one.name} not come earlier?|Why can't {one.name} come earlier?",
                  f"Because {late.replace('my', one.their).replace('I have', f'{one.they} has')}."
                  .replace("I must", f"{one.they} must"))),
            fact(f"Please bring {bring}.",
                 (f"What should {reader.name} bring?|What does {one.name} want {reader.name} to"
                  f" bring?",
                  f"{capital(bring)}.")),
            fact(f"{other.name} is coming too.",
                 ("Who else is coming?|Who is coming too?", f"{other.name}.|{other.name} is.")),
            fact(f"My new number is {number}.",
                 (f"What is {one.name}'s new number?|What is the new number?",
                  f"{number}.|It is {number}.")),
        ),
        unknown=(f"Where does {one.name} live?", f"How old is {reader.name}?",
                 "How will they get home?", f"What is {one.name}'s last name?",
                 "What film will they see?"),
    )  # fmt: skip


SCENES = (school, band, weather, rescue, hotel, call)
