"""Plain facts, written by hand: animals, planets, colours, seasons, work, materials, the body."""

from __future__ import annotations

from recipes.bundled.generators.wording import a

YOUNG = {
    "dog": "puppy", "cat": "kitten", "cow": "calf", "horse": "foal", "sheep": "lamb", "goat": "kid",
    "pig": "piglet", "hen": "chick", "duck": "duckling", "goose": "gosling", "swan": "cygnet",
    "lion": "cub", "bear": "cub", "tiger": "cub", "wolf": "pup", "fox": "cub", "deer": "fawn",
    "kangaroo": "joey", "elephant": "calf", "whale": "calf", "frog": "tadpole", "seal": "pup",
    "butterfly": "caterpillar", "giraffe": "calf",
}  # fmt: skip
SOUNDS = {
    "dog": "barks", "cat": "meows", "cow": "moos", "sheep": "bleats", "pig": "oinks",
    "duck": "quacks", "horse": "neighs", "lion": "roars", "bee": "buzzes", "snake": "hisses",
    "owl": "hoots", "frog": "croaks", "wolf": "howls", "mouse": "squeaks", "rooster": "crows",
    "donkey": "brays", "crow": "caws", "hen": "clucks", "goat": "bleats", "bear": "growls",
}  # fmt: skip
HOMES = {
    "bird": "a nest", "bee": "a hive", "dog": "a kennel", "horse": "a stable", "spider": "a web",
    "rabbit": "a burrow", "lion": "a den", "fish": "water", "pig": "a sty", "hen": "a coop",
    "ant": "an anthill", "bear": "a den", "fox": "a den", "owl": "a tree", "whale": "the sea",
    "camel": "the desert", "penguin": "cold places near the sea", "monkey": "trees",
    "mole": "a burrow under the ground", "beaver": "a lodge in the water",
}  # fmt: skip
LEGS = {
    "dog": 4, "cat": 4, "horse": 4, "cow": 4, "bird": 2, "duck": 2, "hen": 2, "spider": 8, "ant": 6,
    "bee": 6, "fly": 6, "snake": 0, "fish": 0, "lion": 4, "elephant": 4, "frog": 4, "crab": 10,
    "butterfly": 6, "beetle": 6, "owl": 2, "mouse": 4, "goat": 4, "penguin": 2, "worm": 0,
}  # fmt: skip
EATS = {
    "cow": "grass", "horse": "grass and hay", "rabbit": "grass and leaves", "panda": "bamboo",
    "koala": "eucalyptus leaves", "squirrel": "nuts", "lion": "meat", "cat": "meat and fish",
    "bee": "nectar and pollen", "sheep": "grass", "giraffe": "leaves", "seal": "fish",
    "penguin": "fish", "spider": "insects", "frog": "insects", "wolf": "meat", "owl": "mice",
}  # fmt: skip
COVERED = {
    "bird": "feathers", "cat": "fur", "sheep": "wool", "fish": "scales", "snake": "scales",
    "bear": "fur", "duck": "feathers", "rabbit": "fur", "owl": "feathers",
}  # fmt: skip
FLIES = {
    "eagle": True, "owl": True, "bee": True, "duck": True, "butterfly": True, "bat": True,
    "penguin": False, "ostrich": False, "dog": False, "cow": False, "fish": False, "snake": False,
    "sparrow": True, "horse": False,
}  # fmt: skip
PLANETS = ("Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune")
COLOURS = {
    "the sky on a clear day": "blue", "grass": "green", "snow": "white", "a banana": "yellow",
    "a ripe tomato": "red", "blood": "red", "milk": "white", "coal": "black", "a carrot": "orange",
    "a lemon": "yellow", "a strawberry": "red", "salt": "white", "a ripe cherry": "red",
    "a raven": "black", "a polar bear": "white", "chocolate": "brown", "an elephant": "grey",
    "a leaf in summer": "green", "the yolk of an egg": "yellow", "a flamingo": "pink",
    "a cucumber": "green", "a swan": "white", "a pumpkin": "orange", "spinach": "green",
    "a sunflower": "yellow", "lavender": "purple",
}  # fmt: skip
MIXED = (
    ("red", "yellow", "orange"), ("blue", "yellow", "green"), ("red", "blue", "purple"),
    ("red", "white", "pink"), ("black", "white", "grey"),
)  # fmt: skip
WORK = {
    "bakes bread": "baker", "teaches children": "teacher", "flies planes": "pilot",
    "puts out fires": "firefighter", "cuts hair": "hairdresser", "grows crops": "farmer",
    "looks after sick animals": "vet", "mends teeth": "dentist", "helps sick people": "doctor",
    "fixes pipes": "plumber", "sews clothes": "tailor", "sells meat": "butcher",
    "catches fish": "fisherman", "brings letters": "postman", "writes books": "author",
    "paints pictures": "painter", "builds houses": "builder", "works with wood": "carpenter",
    "serves food in a restaurant": "waiter", "cooks in a restaurant": "chef",
    "plays music": "musician", "drives a bus": "bus driver", "takes photos": "photographer",
    "looks after books in a library": "librarian", "sells flowers": "florist",
    "travels in space": "astronaut", "acts in films": "actor", "repairs cars": "mechanic",
}  # fmt: skip
WORKS_IN = {
    "teacher": "a school", "nurse": "a hospital", "farmer": "a farm", "waiter": "a restaurant",
    "baker": "a bakery", "librarian": "a library", "sailor": "a ship", "judge": "a court",
    "chef": "a kitchen", "pilot": "a plane", "shop assistant": "a shop",
}  # fmt: skip
MADE_OF = {
    "bread": "flour and water", "cheese": "milk", "butter": "milk", "paper": "wood",
    "wine": "grapes", "a window": "glass", "chocolate": "cocoa beans", "jam": "fruit",
    "a wool sweater": "wool", "ice": "frozen water", "an omelette": "eggs", "a candle": "wax",
    "yogurt": "milk", "leather": "animal skin", "olive oil": "olives", "a snowman": "snow",
    "toast": "bread", "honey": "nectar", "a coin": "metal", "raisins": "grapes",
    "chips": "potatoes", "steel": "iron",
}  # fmt: skip
USED_FOR = {
    "a knife": "cutting", "a pen": "writing", "scissors": "cutting",
    "an umbrella": "staying dry in the rain", "a clock": "telling the time", "a bed": "sleeping",
    "a broom": "sweeping", "a spoon": "eating soup", "a phone": "calling people",
    "a lamp": "giving light", "a key": "opening doors", "soap": "washing",
    "a fridge": "keeping food cold", "an oven": "baking", "a thermometer": "measuring temperature",
    "a ruler": "measuring length", "a map": "finding the way", "a towel": "drying yourself",
    "glasses": "seeing better", "a needle": "sewing", "a hammer": "hitting nails",
    "a ladder": "climbing up",
}  # fmt: skip
BODY = {
    "see": "eyes", "hear": "ears", "smell": "nose", "taste": "tongue", "walk": "legs",
    "think": "brain", "chew": "teeth", "breathe": "lungs", "hold things": "hands",
}  # fmt: skip
SEASON_AFTER = {"spring": "summer", "summer": "autumn", "autumn": "winter", "winter": "spring"}

OPEN: tuple[tuple[str, str], ...] = (
    ("Which is the largest planet?", "Jupiter"), ("Which planet is closest to the sun?", "Mercury"),
    ("Which planet do we live on?", "Earth"), ("Which planet is called the red planet?", "Mars"),
    ("Which planet is known for its rings?", "Saturn"),
    ("Which planet is farthest from the sun?", "Neptune"),
    ("What is the largest ocean?", "the Pacific"),
    ("What is the highest mountain on Earth?", "Mount Everest"),
    ("What is the largest animal?", "the blue whale"),
    ("What is the tallest animal?", "the giraffe"),
    ("What is the fastest land animal?", "the cheetah"),
    ("What is the largest land animal?", "the elephant"),
    ("What is the largest bird?", "the ostrich"), ("What is frozen water called?", "ice"),
    ("What do plants need to grow?", "water, light and air"), ("What do bees make?", "honey"),
    ("What do cows give us?", "milk"), ("What do hens lay?", "eggs"),
    ("Where do fish live?", "in water"), ("What falls from the sky when it rains?", "water"),
    ("What does the Earth go around?", "the sun"), ("What goes around the Earth?", "the moon"),
    ("What gives us light during the day?", "the sun"), ("Which season is the coldest?", "winter"),
    ("Which season is the warmest?", "summer"), ("In which season do leaves fall?", "autumn"),
    ("At what temperature does water freeze?", "0 degrees Celsius"),
    ("At what temperature does water boil?", "100 degrees Celsius"),
    ("What gas do we breathe in to live?", "oxygen"), ("Which animal has a trunk?", "the elephant"),
    ("Which animal has black and white stripes?", "the zebra"),
    ("Which animal has a very long neck?", "the giraffe"),
    ("Which animal has a hump?", "the camel"),
    ("Which animal carries its young in a pouch?", "the kangaroo"),
    ("Which insect makes honey?", "the bee"), ("What pumps blood through the body?", "the heart"),
    ("Which meal do we eat in the morning?", "breakfast"),
    ("Which meal do we eat in the evening?", "dinner"),
    ("Where can you borrow books?", "in a library"), ("Where do planes land?", "at an airport"),
    ("What do you use to open a lock?", "a key"), ("In which direction does the sun rise?", "east"),
    ("In which direction does the sun set?", "west"),
    ("What is the hottest thing in our solar system?", "the sun"),
    ("Which bird can swim but not fly?", "the penguin"),
    ("What is the largest hot desert?", "the Sahara"),
    ("What is the name of our galaxy?", "the Milky Way"),
    ("What do caterpillars become?", "butterflies"), ("What do tadpoles become?", "frogs"),
    ("What do we call a baby's bed?", "a cot"), ("What is the language of Brazil?", "Portuguese"),
    ("Which instrument has black and white keys?", "the piano"),
    ("What is the first month of the year?", "January"),
    ("What is the last month of the year?", "December"),
    ("What is the shortest month?", "February"),
    ("What melts when it gets warm, ice or stone?", "ice"),
    ("What is the capital of France?", "Paris"),
    ("Which metal is attracted by a magnet, iron or gold?", "iron"),
    ("What is bread baked in?", "an oven"), ("Who wrote Romeo and Juliet?", "Shakespeare"),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci"), ("What is H2O?", "water"),
    ("What shape has three sides?", "a triangle"), ("What shape is a ball?", "round"),
)  # fmt: skip

NUMBERS: tuple[tuple[str, int], ...] = (
    *((f"How many legs does {a(animal)} have?", legs) for animal, legs in LEGS.items()),
    ("How many days are in a week?", 7), ("How many months are in a year?", 12),
    ("How many hours are in a day?", 24), ("How many minutes are in an hour?", 60),
    ("How many seconds are in a minute?", 60),
    ("How many letters are in the English alphabet?", 26),
    ("How many planets are in our solar system?", 8), ("How many seasons are in a year?", 4),
    ("How many fingers are on one hand?", 5), ("How many toes do people have?", 10),
    ("How many eyes do people have?", 2), ("How many sides does a triangle have?", 3),
    ("How many sides does a square have?", 4), ("How many wheels does a bicycle have?", 2),
    ("How many wheels does a car have?", 4), ("How many strings does a violin have?", 4),
    ("How many players are in a football team on the field?", 11),
    ("How many continents are there?", 7), ("How many eggs are in a dozen?", 12),
    ("How many sides does a hexagon have?", 6), ("How many arms does an octopus have?", 8),
    ("How many centimetres are in a metre?", 100), ("How many grams are in a kilogram?", 1000),
    ("How many years are in a century?", 100), ("How many wheels does a tricycle have?", 3),
    ("How many colours are in a rainbow?", 7),
)  # fmt: skip

ONE_WORD: tuple[tuple[str, str], ...] = (
    *((f"What colour is {thing}?", colour) for thing, colour in COLOURS.items()),
    *((f"What is a baby {animal} called?", young) for animal, young in YOUNG.items()),
    *((f"Who {work}?", job) for work, job in WORK.items() if " " not in job),
    *((f"Which season comes after {first}?", second) for first, second in SEASON_AFTER.items()),
    *((f"What do you get when you mix {x} and {y}?", mixed) for x, y, mixed in MIXED),
    *((question, answer.removeprefix("the ")) for question, answer in OPEN
      if " " not in answer.removeprefix("the ") and "shape is" not in question),
)  # fmt: skip

YES_NO: tuple[tuple[str, str], ...] = (
    *((f"Can {a(animal)} fly?", "yes" if can else "no") for animal, can in FLIES.items()),
    *((f"Is {thing} {colour}?", "yes") for thing, colour in COLOURS.items()),
    *((f"Is {thing} blue?", "no") for thing, colour in COLOURS.items()
      if colour not in ("blue", "purple")),
    *((f"Does {a(animal)} have four legs?", "yes" if legs == 4 else "no") for animal,
    legs in LEGS.items()),
    *((f"Is {planet} a planet?", "yes") for planet in PLANETS),
    ("Is the moon a planet?", "no"), ("Is the sun a star?", "yes"), ("Is ice cold?", "yes"),
    ("Is fire cold?", "no"), ("Do fish live in water?", "yes"), ("Do cows eat meat?", "no"),
    ("Is a tomato an animal?", "no"), ("Is an elephant bigger than a mouse?", "yes"),
    ("Is a mouse bigger than a horse?", "no"), ("Does the sun rise in the east?", "yes"),
    ("Does the sun rise in the west?", "no"), ("Can people breathe under water without help?",
     "no"),
    ("Is a whale a fish?", "no"), ("Is a spider an insect?", "no"), ("Is a penguin a bird?", "yes"),
    ("Is Paris in France?", "yes"), ("Is Rome in Spain?", "no"), ("Is sugar sweet?", "yes"),
    ("Is a lemon sweet?", "no"), ("Does a week have eight days?", "no"),
     ("Does a year have twelve months?", "yes"),
    ("Is winter warmer than summer?", "no"), ("Do plants need light?", "yes"), ("Is a stone alive?",
     "no"),
    ("Is a car faster than a snail?", "yes"), ("Can a fish ride a bicycle?", "no"),
     ("Is gold a metal?", "yes"),
    ("Is wood a metal?", "no"), ("Is the Earth round?", "yes"), ("Is a guitar an instrument?",
     "yes"),
    ("Do hens lay eggs?", "yes"), ("Do dogs lay eggs?", "no"), ("Is Monday the day after Sunday?",
     "yes"),
    ("Is June a day of the week?", "no"), ("Is 5 more than 3?", "yes"), ("Is 2 more than 9?", "no"),
    ("Can you eat soup with a spoon?", "yes"), ("Is a rose a flower?", "yes"), ("Is an oak a tree?",
     "yes"),
)  # fmt: skip
