"""What simple sentences are made of, and how such words are misspelt."""

from __future__ import annotations

from recipes.bundled.generators.wording import each_part, each_word

VERBS = tuple(
    (base, third, past, each_part(rests))
    for base, third, past, rests in (
        ("kick", "kicks", "kicked", "the stone, a ball, the door"),
        ("walk", "walks", "walked", "to school, along the river, home, in the park"),
        ("sing", "sings", "sang", "in the bath, a song, in a choir, very well"),
        ("eat", "eats", "ate", "an apple, soup, breakfast at seven, a sandwich"),
        ("open", "opens", "opened", "the window, the box, a letter, the gate"),
        ("close", "closes", "closed", "the shop, the door, the book"),
        ("run", "runs", "ran", "to the bus, up the hill, in the rain, very fast"),
        ("drink", "drinks", "drank", "tea, a glass of milk, cold water"),
        ("read", "reads", "read", "a book, the paper, a long story"),
        ("write", "writes", "wrote", "a letter, a song, to an old friend, a list"),
        ("call", "calls", "called", "a friend, the doctor, every evening"),
        ("bake", "bakes", "baked", "bread, a cake, biscuits for the party"),
        ("buy", "buys", "bought", "a hat, two tickets, flowers, milk and eggs"),
        ("come", "comes", "came", "home, to the party, by train, late"),
        ("go", "goes", "went", "to the market, to bed early, to the beach, by bus"),
        ("play", "plays", "played", "chess, the piano, outside, in the garden"),
        ("live", "lives", "lived", "in a small town, near the sea, alone, with a cat"),
        ("work", "works", "worked", "in a bank, at home, all day, on a farm"),
        ("help", "helps", "helped", "a neighbour, in the kitchen, the new teacher"),
        ("clean", "cleans", "cleaned", "the kitchen, the windows, the old bike"),
        ("paint", "paints", "painted", "a picture, the wall, the fence green"),
        ("see", "sees", "saw", "a bird, the moon, a boat on the lake"),
        ("hear", "hears", "heard", "a noise, the bell, music next door"),
        ("find", "finds", "found", "a key, some money, the right way"),
        ("lose", "loses", "lost", "a glove, the game, the key"),
        ("make", "makes", "made", "dinner, a plan, a paper boat, coffee"),
        ("take", "takes", "took", "a photo, the bus, a long walk"),
        ("give", "gives", "gave", "the dog a bone, good advice, everybody a flower"),
        ("bring", "brings", "brought", "a cake, an umbrella, good news"),
        ("swim", "swims", "swam", "in the lake, across the river, every morning"),
        ("sleep", "sleeps", "slept", "on the sofa, until noon, badly, in a tent"),
        ("wait", "waits", "waited", "for the bus, at the station, in the car"),
        ("learn", "learns", "learned", "English, a poem, to dance"),
        ("teach", "teaches", "taught", "music, the children, at a small school"),
        ("watch", "watches", "watched", "a film, the birds, the rain"),
        ("wash", "washes", "washed", "the car, the dishes, the dog"),
        ("carry", "carries", "carried", "a heavy bag, the boxes, the chairs inside"),
        ("ride", "rides", "rode", "a bike, a horse, to work"),
        ("drive", "drives", "drove", "a red car, to the sea, slowly"),
        ("build", "builds", "built", "a house, a wall, a boat"),
        ("draw", "draws", "drew", "a map, a horse, with a pencil"),
        ("sit", "sits", "sat", "by the fire, under a tree, on the floor"),
        ("stand", "stands", "stood", "at the door, on a chair, in the snow"),
        ("wear", "wears", "wore", "a coat, red shoes, a funny hat"),
        ("visit", "visits", "visited", "a museum, an old aunt, a big city"),
        ("cook", "cooks", "cooked", "rice, a soup, for the family"),
        ("plant", "plants", "planted", "a tree, beans, roses"),
        ("tell", "tells", "told", "a joke, the truth, a story"),
        ("break", "breaks", "broke", "a cup, the window, a promise"),
        ("catch", "catches", "caught", "a fish, the ball, a cold"),
        ("grow", "grows", "grew", "tomatoes, fast, in the garden"),
        ("forget", "forgets", "forgot", "the milk, a name, the time"),
        ("win", "wins", "won", "a prize, the race, every game"),
        ("feed", "feeds", "fed", "the ducks, the cat, three hens"),
        ("need", "needs", "needed", "a new pen, more time, some help"),
        ("like", "likes", "liked", "music, long walks, the new song"),
        ("love", "loves", "loved", "the sea, old films, hot soup"),
        ("have", "has", "had", "a brother, a cold, two cats, a good idea"),
        ("know", "knows", "knew", "the way, a good joke, the answer"),
        ("try", "tries", "tried", "the cake, a new game, again"),
        ("look", "looks", "looked", "at the stars, out of the window, for a job"),
        ("talk", "talks", "talked", "to a friend, about the trip, too much"),
        ("listen", "listens", "listened", "to the radio, to the rain"),
        ("laugh", "laughs", "laughed", "at the joke, very loudly"),
        ("pay", "pays", "paid", "for lunch, the bill"),
        ("send", "sends", "sent", "a card, a parcel to Rome"),
        ("sell", "sells", "sold", "old books, fruit, the car"),
        ("leave", "leaves", "left", "at six, the house, a note on the table"),
        ("meet", "meets", "met", "a friend, the new boss"),
        ("fly", "flies", "flew", "a kite, to Paris, over the lake"),
    )
)
"""Verb, its third person, its past, and what may follow it."""

PEOPLE = each_word(
    "boy girl teacher farmer doctor nurse baker singer driver child man woman student neighbour"
    " cook gardener pilot writer king queen painter friend cousin baby lady thief waiter sailor"
)
ANIMALS = each_word(
    "dog cat bird horse cow fish mouse rabbit sheep goose duck bear fox hen lion monkey bee frog"
)
ANIMAL_VERBS = tuple(
    (base, third, past, each_part(rests))
    for base, third, past, rests in (
        ("sleep", "sleeps", "slept", "in the sun, under the table, all day"),
        ("run", "runs", "ran", "through the garden, to the river, away"),
        ("sit", "sits", "sat", "on the wall, in the grass, near the water"),
        ("eat", "eats", "ate", "the bread, all the food, in the morning"),
        ("wait", "waits", "waited", "at the door, for food"),
        ("jump", "jumps", "jumped", "over the wall, into the water"),
        ("hide", "hides", "hid", "behind the tree, in the barn"),
        ("drink", "drinks", "drank", "from the river, some water"),
        ("look", "looks", "looked", "at the moon, for food"),
        ("come", "comes", "came", "to the house, closer"),
        ("make", "makes", "made", "a loud noise, a nest"),
    )
)
THINGS = each_word(
    "car house door window book table chair bag box shop garden street train boat lamp cup bottle"
    " shirt coat shoe hat room kitchen bridge tower ball clock phone knife shelf bed flower tree"
    " apple potato tomato soup tea"
)
UNCOUNTED = frozenset({"soup", "tea"})
DESCRIBED = {
    "people": each_part(
        "tired, hungry, happy, sad, young, old, rich, poor, strong, weak, brave, afraid,"
        " kind, calm, nervous, polite, rude, healthy, sick, quiet, loud, busy, late, at home,"
        " in the garden"
    ),
    "animals": each_part(
        "hungry, small, big, fast, slow, old, young, black, white, dangerous, clean, dirty, wet,"
        " dry, asleep, awake, in the barn, under the tree"
    ),
    "things": each_part(
        "new, old, big, small, clean, dirty, cheap, expensive, beautiful, red, green, heavy, light,"
        " full, empty, long, short, cold, hot, wet, dry, wide, narrow"
    ),
}
"""What may be said after a form of `be`."""

ADJECTIVES = {
    "hot": "cold", "cold": "hot", "big": "small", "small": "big", "full": "empty", "empty": "full",
    "clean": "dirty", "dirty": "clean", "cheap": "expensive", "expensive": "cheap", "wet": "dry",
    "dry": "wet", "heavy": "light", "long": "short", "short": "long", "fast": "slow",
    "slow": "fast", "rich": "poor", "poor": "rich", "strong": "weak", "weak": "strong",
    "happy": "sad", "sad": "happy", "loud": "quiet", "quiet": "loud", "young": "old",
    "wide": "narrow", "narrow": "wide", "polite": "rude", "rude": "polite", "awake": "asleep",
    "asleep": "awake", "healthy": "sick", "sick": "healthy", "black": "white", "white": "black",
    "nervous": "calm", "calm": "nervous", "brave": "afraid", "dark": "light", "old": "young",
    "new": "old", "early": "late", "late": "early",
}  # fmt: skip
"""Adjectives with their opposites; `old` is said of people and animals."""

ABILITIES = each_part(
    "swim, dance, cook, ride a bike, play the guitar, sing, drive a bus, read, speak French, come"
    " tomorrow, see the tower, hear the bell, help us, wait here, climb the tree, carry the box"
)

MISSPELT = tuple(
    tuple(pair.split("/"))
    for pair in each_word(
        "recieve/receive beleive/believe freind/friend wich/which becuase/because"
        " definately/definitely tommorow/tomorrow untill/until wierd/weird wether/weather"
        " beautifull/beautiful leter/letter"
        " skool/school scool/school hous/house gardn/garden kichen/kitchen brekfast/breakfast"
        " diner/dinner bicicle/bicycle buss/bus trane/train windo/window dorr/door teecher/teacher"
        " docter/doctor stashun/station libary/library kitchin/kitchen vegtable/vegetable"
        " cheeze/cheese bred/bread milc/milk appel/apple bananna/banana orang/orange potatoe/potato"
        " tomatoe/tomato coffe/coffee choclate/chocolate sandwhich/sandwich birtday/birthday"
        " prezent/present partey/party moning/morning evning/evening nite/night wendsday/Wednesday"
        " febuary/February somer/summer wintr/winter snou/snow rane/rain"
        " yelow/yellow purpel/purple gren/green blak/black wite/white littel/little bigg/big"
        " hapy/happy angrey/angry tierd/tired hungrey/hungry thirsy/thirsty beutiful/beautiful"
        " intresting/interesting diferent/different dificult/difficult eazy/easy"
        " importent/important"
        " necesary/necessary posible/possible realy/really allways/always somtimes/sometimes"
        " usualy/usually againe/again peopel/people childs/children"
        " famly/family brothr/brother sistr/sister mothr/mother fathr/father unkle/uncle"
        " nabour/neighbour adress/address numbr/number telefone/telephone computr/computer"
        " musik/music pichure/picture storey/story questin/question anser/answer langage/language"
        " knoledge/knowledge buisness/business goverment/government enviroment/environment"
        " minuts/minutes houer/hour weaks/weeks monthes/months yeer/year"
    )
)
"""Misspelt, and as it is written."""

PLACES_FOR_WORDS = each_part(
    "I can't find the {w}, We talked about the {w}, She wrote the word {w}, The {w} is here,"
    " Do you see the {w}, My {w} is nice"
)
MISTAKES = tuple(
    (wrong, right)
    for wrong, right in (
        ("{S} go to {p} every day.", "{S} goes to {p} every day."),
        ("{S} have a {t}.", "{S} has a {t}."),
        ("{S} don't like {f}.", "{S} doesn't like {f}."),
        ("{S} want a {t}.", "{S} wants a {t}."),
        ("{S} goed to {p}.", "{S} went to {p}."),
        ("{S} buyed a {t}.", "{S} bought a {t}."),
        ("{S} eated {f}.", "{S} ate {f}."),
        ("{S} bringed {f}.", "{S} brought {f}."),
        ("{S} runned to {p}.", "{S} ran to {p}."),
        ("{S} maked a {t}.", "{S} made a {t}."),
        ("{S} is more taller than me.", "{S} is taller than me."),
        ("{S} are at {p}.", "{S} is at {p}."),
        ("I has a {t}.", "I have a {t}."),
        ("I has two {ts}.", "I have two {ts}."),
        ("I is at {p}.", "I am at {p}."),
        ("They was at {p}.", "They were at {p}."),
        ("We was late.", "We were late."),
        ("You is right.", "You are right."),
        ("They has two {ts}.", "They have two {ts}."),
        ("We wants {f}.", "We want {f}."),
        ("There is three {ts}.", "There are three {ts}."),
        ("Their is a {t} here.", "There is a {t} here."),
        ("I have two {t}.", "I have two {ts}."),
        ("Where is you?", "Where are you?"),
        ("{S} do not know me.", "{S} does not know me."),
        ("I seen a {t}.", "I saw a {t}."),
        ("I am agree.", "I agree."),
        ("Your very kind.", "You're very kind."),
        ("Its a nice {t}.", "It's a nice {t}."),
        ("Can you helps me?", "Can you help me?"),
        ("{S} can sings.", "{S} can sing."),
    )
)
FOOD = each_part("bread, rice, soup, milk, cheese, fish, apples, beans, cake, eggs, tea, honey")
PLACES = each_part("school, home, work, the market, the park, the beach, the station, the shop")

OF_TIME = each_part("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday, May, July")
