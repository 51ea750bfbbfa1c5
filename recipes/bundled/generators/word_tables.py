"""Words by what they mean and sound like, written by hand and checked one by one."""

from __future__ import annotations

from recipes.bundled.generators.wording import each_word

OPPOSITES = tuple(
    tuple(pair.split("/"))
    for pair in each_word(
        "hot/cold big/small up/down left/right day/night black/white good/bad fast/slow high/low"
        " old/new rich/poor happy/sad open/closed full/empty hard/soft long/short strong/weak"
        " wet/dry clean/dirty light/dark heavy/light early/late easy/difficult true/false"
        " right/wrong inside/outside first/last before/after above/below in/out on/off yes/no"
        " always/never everything/nothing everybody/nobody love/hate laugh/cry push/pull buy/sell"
        " give/take win/lose begin/end start/stop come/go arrive/leave remember/forget ask/answer"
        " loud/quiet sweet/sour thick/thin wide/narrow deep/shallow near/far young/old alive/dead"
        " awake/asleep brave/afraid cheap/expensive clever/stupid friend/enemy front/back"
        " top/bottom north/south east/west summer/winter morning/evening war/peace success/failure"
        " question/answer beginning/end entrance/exit smooth/rough sharp/blunt tight/loose"
        " rude/polite lazy/hardworking safe/dangerous single/double same/different same/different"
        " more/less many/few best/worst better/worse raise/lower increase/decrease float/sink"
        " accept/refuse build/destroy find/lose teach/learn whisper/shout wake/sleep sit/stand"
        " kind/cruel calm/nervous proud/ashamed public/private possible/impossible"
        " visible/invisible honest/dishonest healthy/sick male/female boy/girl man/woman"
        " king/queen brother/sister father/mother uncle/aunt son/daughter"
    )
)
RELATED = frozenset(
    each_word(
        "male female boy girl man woman king queen brother sister father mother uncle aunt son"
        " daughter"
    )
)
"""Pairs that are asked about as a boy and a girl are, not as opposites."""

SYNONYMS = tuple(
    tuple(group.split("/"))
    for group in each_word(
        "big/large small/little happy/glad sad/unhappy fast/quick begin/start end/finish"
        " angry/mad smart/clever pretty/beautiful hard/difficult easy/simple quiet/silent"
        " loud/noisy shut/close talk/speak shout/yell jump/leap sick/ill rich/wealthy"
        " brave/courageous scared/afraid funny/amusing strange/odd right/correct wrong/incorrect"
        " gift/present home/house child/kid buy/purchase help/assist answer/reply choose/pick"
        " look/see like/enjoy build/construct repair/fix cold/chilly tired/sleepy wet/damp"
        " rock/stone street/road forest/woods ship/boat sofa/couch doctor/physician"
        " tale/story error/mistake job/work trip/journey idea/thought part/piece"
        " whole/entire empty/vacant near/close lucky/fortunate kind/nice polite/courteous"
        " huge/enormous tiny/minute terrible/awful great/wonderful tasty/delicious"
        " maybe/perhaps also/too often/frequently rarely/seldom almost/nearly"
        " start/begin enough/sufficient hurry/rush cry/weep laugh/giggle throw/toss"
        " keep/hold get/receive show/display need/require want/desire"
    )
)

IRREGULAR_PLURALS = {
    "child": "children", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "goose": "geese", "person": "people", "ox": "oxen", "sheep": "sheep",
    "fish": "fish", "deer": "deer", "leaf": "leaves", "knife": "knives", "wife": "wives",
    "life": "lives", "wolf": "wolves", "half": "halves", "shelf": "shelves", "loaf": "loaves",
    "thief": "thieves", "calf": "calves", "potato": "potatoes", "tomato": "tomatoes",
    "hero": "heroes", "echo": "echoes", "piano": "pianos", "photo": "photos", "radio": "radios",
}  # fmt: skip
REGULAR = each_word(
    "cat dog book car tree house bird chair table flower apple window door boy girl cup pen hat"
    " shoe song game friend teacher letter box fox bus class glass dress dish brush watch church"
    " bench peach match city baby story lady party country family fly berry puppy cherry key day"
    " toy monkey boat ring star cloud river garden lamp clock school farm train bag egg cow horse"
    " bridge orange nurse page cake rose nose plate snake"
)

PAST = {
    "go": "went", "see": "saw", "eat": "ate", "run": "ran", "sing": "sang", "write": "wrote",
    "take": "took", "give": "gave", "come": "came", "buy": "bought", "bring": "brought",
    "think": "thought", "teach": "taught", "sleep": "slept", "swim": "swam", "drink": "drank",
    "fly": "flew", "know": "knew", "make": "made", "say": "said", "tell": "told", "find": "found",
    "sit": "sat", "stand": "stood", "speak": "spoke", "break": "broke", "drive": "drove",
    "ride": "rode", "win": "won", "lose": "lost", "fall": "fell", "feel": "felt", "keep": "kept",
    "meet": "met", "send": "sent", "build": "built", "catch": "caught", "draw": "drew",
    "grow": "grew", "throw": "threw", "begin": "began", "forget": "forgot", "get": "got",
    "hear": "heard", "hold": "held", "leave": "left", "play": "played", "walk": "walked",
    "talk": "talked", "jump": "jumped", "cook": "cooked", "look": "looked", "help": "helped",
    "ask": "asked", "call": "called", "open": "opened", "close": "closed", "love": "loved",
    "like": "liked", "dance": "danced", "paint": "painted", "clean": "cleaned", "want": "wanted",
    "need": "needed", "wait": "waited", "cry": "cried", "try": "tried", "carry": "carried",
    "study": "studied", "stop": "stopped", "plan": "planned",
}  # fmt: skip

RHYMES = tuple(
    tuple(group.split())
    for group in (
        "cat hat mat bat rat", "dog fog log frog", "sun fun run bun", "tree bee sea key free",
        "star car far jar", "light night kite white", "day play way gray", "moon spoon soon noon",
        "cake lake snake make", "king ring sing spring", "rain train plane chain",
        "bed red head bread",
        "boat goat coat note", "ball wall tall small", "book look cook hook", "nose rose hose",
        "blue shoe two new", "hill pill still will", "shop hop stop top", "bell well tell shell",
        "sand hand land band", "pin win tin chin", "face place race space", "fish dish wish",
        "bear hair chair pear", "snow go show toe", "door floor four more", "corn horn torn",
        "clock rock sock lock", "mouse house", "fox box socks", "bug mug hug rug",
        "nine line mine fine",
        "mile smile while", "ice mice nice rice", "old cold gold told", "bone stone phone alone",
        "pen ten men hen", "pot hot dot not", "duck luck truck", "best nest rest test",
        "green queen seen bean", "sky fly my try", "game name same flame", "town brown down crown",
    )
)  # fmt: skip

SHORT_WORDS = each_word(
    "cat dog sun hat pen cup bus map bed red hot big box fox jam net log fan car bee cow egg ice"
    " key"
    " lip nut owl pig rat sky tea van web zoo ant arm ball bear bird boat book cake coin corn desk"
    " door duck farm fish flag frog game gold hand hill home jump king lake lamp leaf lion milk"
    " moon"
    " nest park rain ring road rock rose salt sand ship shoe snow soup star tree wind wolf apple"
    " beach bread chair cloud dance dream eagle earth fruit glass grape green happy heart horse"
    " house juice lemon light lucky mango money mouse music night ocean onion paper party peach"
    " piano pizza plant queen river robot salad sheep smile snake spoon stone storm sugar table"
    " tiger train truck uncle water whale wheel white world young zebra animal banana bottle bridge"
    " butter camera candle carrot cheese cherry circle coffee cookie dinner doctor dragon family"
    " farmer finger flower forest friend garden ginger guitar hammer island jacket kitten ladder"
    " letter market mirror monkey mother orange parrot pencil pepper pillow planet pocket potato"
    " rabbit rocket school secret silver singer spider spring summer sunset ticket tomato turtle"
    " violin window winter yellow"
)
"""Common words of three to six letters, to spell and to count letters in."""

SENTENCES = (
    "The cat sleeps on the sofa.", "I like tea.", "We went home.", "Birds can fly.",
    "It is raining.", "My brother plays the guitar.", "She bought a red apple.",
    "The sun is very bright today.", "He runs fast.", "They live near the sea.", "Dogs bark.",
    "I have two sisters and a brother.", "The train was late again.", "Please open the window.",
    "My favourite colour is green.", "The children are playing in the garden.",
    "We eat dinner at seven.", "You are my best friend.", "Snow falls in winter.",
    "The old man told us a story.", "Cows give milk.", "I can swim.",
    "The little boy lost his shoe.", "Nobody was at home.", "Our teacher is kind and patient.",
    "A bee sat on the flower.", "The soup is too hot.", "He wrote a long letter to his mother.",
    "Time flies.", "The shop closes at six.", "I read a book every week.", "The door is open.",
)  # fmt: skip
