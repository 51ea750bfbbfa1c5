"""Lists of things by what they are. No word stands in two lists whose members are asked for in one
question, and every member is one without doubt."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.wording import each_part

CATEGORIES: dict[str, tuple[str, ...]] = {
    "animals": each_part(
        "cat, dog, horse, cow, sheep, goat, pig, lion, tiger, bear, wolf, fox, deer, rabbit, mouse,"
        "elephant, giraffe, zebra, monkey, camel, kangaroo, hippo, squirrel, hedgehog, otter,"
        " donkey"
    ),
    "birds": each_part(
        "eagle, owl, robin, sparrow, crow, duck, goose, swan, parrot, penguin, pigeon, hawk, stork,"
        "seagull, turkey, peacock, ostrich, swallow, magpie, flamingo"
    ),
    "fruits": each_part(
        "apple, pear, banana, orange, lemon, grape, cherry, peach, plum, mango, kiwi, melon, fig,"
        "strawberry, raspberry, blueberry, pineapple, apricot, papaya, lime"
    ),
    "vegetables": each_part(
        "carrot, potato, onion, cabbage, spinach, broccoli, cauliflower, leek, turnip, beetroot,"
        "celery, lettuce, radish, asparagus, kale, parsnip, garlic"
    ),
    "colours": each_part(
        "red, blue, green, yellow, orange, purple, pink, brown, black, white, grey, gold, silver,"
        "turquoise, violet, beige"
    ),
    "countries": each_part(
        "France, Spain, Italy, Germany, Portugal, Poland, Greece, Norway, Sweden, Finland, Denmark,"
        "Japan, China, India, Brazil, Peru, Chile, Mexico, Canada, Egypt, Kenya, Nigeria, Morocco,"
        "Australia, Turkey, Vietnam, Thailand"
    ),
    "cities": each_part(
        "London, Paris, Rome, Berlin, Madrid, Lisbon, Vienna, Athens, Oslo, Tokyo, Beijing, Delhi,"
        "Cairo, Nairobi, Lima, Toronto, Chicago, Sydney, Dublin, Prague, Warsaw, Budapest"
    ),
    "drinks": each_part(
        "water, milk, tea, coffee, juice, lemonade, cocoa, cola, wine, beer, cider, smoothie"
    ),
    "clothes": each_part(
        "shirt, trousers, dress, skirt, sock, hat, coat, jacket, scarf, glove, sweater, jeans, tie,"
        "belt, cap, blouse, shorts"
    ),
    "sports": each_part(
        "football, tennis, basketball, swimming, running, cycling, hockey, rugby, volleyball, golf,"
        "boxing, skiing, rowing, cricket, baseball, badminton, judo, surfing"
    ),
    "musical instruments": each_part(
        "piano, guitar, violin, drum, flute, trumpet, cello, harp, clarinet, saxophone, trombone,"
        "banjo, accordion, organ, tuba, oboe"
    ),
    "jobs": each_part(
        "teacher, doctor, nurse, baker, farmer, pilot, driver, cook, painter, builder, writer,"
        " singer,"
        "dentist, gardener, plumber, lawyer, engineer, firefighter, waiter, tailor, vet, carpenter"
    ),
    "vehicles": each_part(
        "car, bus, train, bicycle, truck, boat, ship, plane, tram, van, motorcycle, helicopter,"
        " taxi,"
        "tractor, ferry, scooter, submarine"
    ),
    "pieces of furniture": each_part(
        "table, chair, bed, sofa, desk, shelf, wardrobe, stool, bench, cupboard, armchair, bookcase"
    ),
    "parts of the body": each_part(
        "head, arm, leg, hand, foot, nose, ear, eye, mouth, knee, elbow, finger, toe, neck, back,"
        "shoulder, chin"
    ),
    "tools": each_part(
        "hammer, saw, drill, spanner, screwdriver, pliers, axe, shovel, rake, chisel, wrench, file"
    ),
    "things in a kitchen": each_part(
        "pan, pot, spoon, fork, knife, plate, cup, bowl, oven, fridge, kettle, toaster, sink, whisk"
    ),
    "school subjects": each_part(
        "maths, history, geography, biology, chemistry, physics, music, art, English, drama"
    ),
    "flowers": each_part(
        "rose, tulip, daisy, lily, sunflower, daffodil, orchid, poppy, iris, lavender, carnation,"
        " violet"
    ),
    "trees": each_part(
        "oak, pine, birch, maple, willow, beech, elm, ash, palm, cedar, fir, poplar"
    ),
    "insects": each_part(
        "ant, bee, wasp, fly, beetle, butterfly, moth, mosquito, grasshopper, ladybird, dragonfly"
    ),
    "metals": each_part(
        "iron, gold, silver, copper, tin, lead, zinc, nickel, aluminium, platinum, tungsten"
    ),
    "planets": each_part("Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune"),
    "months": each_part(
        "January, February, March, April, May, June, July, August, September, October, November,"
        "December"
    ),
    "days of the week": each_part("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "seasons": each_part("spring, summer, autumn, winter"),
    "shapes": each_part(
        "circle, square, triangle, rectangle, oval, star, diamond, hexagon, pentagon"
    ),
    "languages": each_part(
        "English, French, Spanish, German, Italian, Portuguese, Arabic, Hindi, Japanese, Korean,"
        "Turkish, Greek, Polish, Dutch, Swedish, Swahili, Russian"
    ),
    "things you find in a classroom": each_part(
        "desk, chair, board, chalk, book, pen, pencil, ruler, clock, map, eraser"
    ),
    "things you take to the beach": each_part(
        "towel, sunscreen, hat, sunglasses, book, water, ball, umbrella, swimsuit, bucket"
    ),
    "breakfast foods": each_part(
        "toast, eggs, cereal, porridge, pancakes, yogurt, bread, jam, bacon, fruit, waffles"
    ),
    "hobbies": each_part(
        "reading, painting, cooking, gardening, dancing, singing, fishing, hiking, knitting, chess,"
        "photography, baking, drawing"
    ),
    "weather": each_part("rain, snow, wind, sun, fog, storm, hail, frost"),
}

COUNTED = each_part(
    "apple, pear, orange, plum, lemon, egg, cookie, sweet, balloon, book, pen, pencil, coin, stamp,"
    "marble, card, ball, sticker, shell, stone, button, flower, rose, candle, cup, plate,"
    "bottle, toy, doll, car, photo, ticket, seed, leaf, key, cake, muffin, sandwich, chair, letter,"
    "postcard, magnet, bead, nut, peach, cherry, fish, biscuit"
)
"""What people have, count and give away; one of it."""
IRREGULAR = {
    "leaf": "leaves", "fish": "fish", "knife": "knives", "foot": "feet", "mouse": "mice",
    "wolf": "wolves", "deer": "deer", "goose": "geese", "shelf": "shelves", "scarf": "scarves",
    "mango": "mangoes", "potato": "potatoes", "bookcase": "bookcases", "sheep": "sheep",
    "motorcycle": "motorcycles", "butterfly": "butterflies", "dragonfly": "dragonflies",
}  # fmt: skip


def many(noun: str) -> str:
    """The plural of a noun of this file."""
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def counted(number: object, noun: str) -> str:
    """So many of a thing: `1 apple`, `3 apples`."""
    return f"{number} {noun if str(number) in ('1', 'one') else many(noun)}"


def some(random: Random, category: str, count: int) -> list[str]:
    """So many different members of a category."""
    return random.sample(CATEGORIES[category], count)
