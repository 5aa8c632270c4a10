"""The places and keepers of Merrowby, an invented harbour town, and its hours and prices, as facts."""

from dataclasses import dataclass

NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]


@dataclass(frozen=True)
class Place:
    """A place that one can visit; prices are in crowns."""

    name: str
    where: str
    opens: str
    closes: str
    keeper: str
    trade: str
    pastime: str
    offers: str
    item: str
    items: str
    price: int
    charm: str


PLACES = (
    Place(
        "the Gull Bakery",
        "on Lantern Street",
        "six in the morning",
        "two in the afternoon",
        "Marta Finch",
        "the baker",
        "plays the fiddle",
        "seeded bread and cinnamon buns",
        "a loaf of bread",
        "loaves of bread",
        3,
        "the whole street smells of warm bread",
    ),
    Place(
        "the Old Lighthouse",
        "on Raven Point",
        "ten in the morning",
        "four in the afternoon",
        "Tomas Reed",
        "the lighthouse keeper",
        "paints small seascapes",
        "guided climbs and a view of the whole bay",
        "a guided climb",
        "guided climbs",
        5,
        "you can see as far as Seal Island on a clear day",
    ),
    Place(
        "the Harbour Museum",
        "beside the town hall",
        "nine in the morning",
        "five in the afternoon",
        "Ada Lowell",
        "the museum director",
        "collects old maps",
        "model ships and old maps",
        "a museum ticket",
        "museum tickets",
        4,
        "the great whale skeleton hangs in the hall",
    ),
    Place(
        "the Fish Market",
        "on the south quay",
        "five in the morning",
        "noon",
        "Joren Pike",
        "the fishmonger",
        "tells tall stories",
        "fresh herring, crabs and mussels",
        "a basket of herring",
        "baskets of herring",
        6,
        "the boats unload right in front of you",
    ),
    Place(
        "the Tide Library",
        "on Chapel Hill",
        "eleven in the morning",
        "seven in the evening",
        "Nell Harrow",
        "the librarian",
        "grows roses",
        "novels, sea charts and a quiet reading room",
        "a library card",
        "library cards",
        2,
        "the reading room looks out over the masts",
    ),
    Place(
        "the Blue Anchor",
        "at the end of the north pier",
        "three in the afternoon",
        "eleven in the evening",
        "Bram Oakes",
        "the innkeeper",
        "sings in the choir",
        "fish soup, cider and warm rooms",
        "a bowl of soup",
        "bowls of soup",
        7,
        "there is music by the fire on Fridays",
    ),
    Place(
        "the Boatyard",
        "behind the sail loft",
        "seven in the morning",
        "six in the evening",
        "Greta Voss",
        "the boat builder",
        "carves wooden birds",
        "rowing boats for hire and careful repairs",
        "a rowing boat for one hour",
        "hours in a rowing boat",
        8,
        "you can watch an old cutter being repaired",
    ),
    Place(
        "the Herb Shop",
        "in Willow Lane",
        "eight in the morning",
        "three in the afternoon",
        "Ilse Thorn",
        "the herbalist",
        "keeps bees",
        "tea, honey and soap",
        "a jar of honey",
        "jars of honey",
        9,
        "bunches of lavender hang from every beam",
    ),
    Place(
        "the Clock Tower",
        "in the market square",
        "noon",
        "eight in the evening",
        "Otto Quill",
        "the clockmaker",
        "plays chess",
        "a climb to the bells and a small clock workshop",
        "a tower ticket",
        "tower tickets",
        1,
        "the bells play a tune every hour",
    ),
    Place(
        "the Glass Garden",
        "next to the old mill",
        "nine in the morning",
        "eight in the evening",
        "Rosa Linden",
        "the gardener",
        "bakes apple cake",
        "lemon trees, orchids and a tea room",
        "a pot of tea",
        "pots of tea",
        10,
        "it stays warm there even in January",
    ),
)


HOURS = tuple(
    f"{hour} in the {part}"
    for part, hours in (("morning", NUMBERS[5:12]), ("afternoon", NUMBERS[1:6]), ("evening", NUMBERS[6:12]))
    for hour in hours
)
CROWNS = tuple(f"{NUMBERS[price]} crowns" for price in range(2, 21))


def capital(text: str) -> str:
    """The text with its first letter in upper case, the rest untouched."""
    return text[:1].upper() + text[1:]


def crowns(amount: int) -> str:
    """An amount of money in words, zero to twenty crowns, in figures above."""
    number = NUMBERS[amount] if amount < len(NUMBERS) else str(amount)
    return "one crown" if amount == 1 else f"{number} crowns"
