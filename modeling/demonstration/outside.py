"""Questions about the rest of the world, which the guide of Merrowby answers politely by saying what it knows."""

import random

from modeling.demonstration.topics import Topic

NOUNS = (  # noqa: SIM905
    "president queen capital population history economy army flag car engine train airplane computer phone "
    "keyboard program website database Python Java algorithm galaxy planet moon star rocket atom molecule "
    "virus vaccine doctor lawyer tax mortgage stock bank bitcoin football tennis olympics movie actor singer "
    "song guitar piano painting novel poem opera pizza pasta burger chocolate coffee wine beer recipe diet "
    "yoga marathon dog horse tiger dinosaur insect tree mountain desert river volcano earthquake robot school "
    "university exam essay homework job interview salary manager office meeting email letter holiday hotel "
    "passport visa airport dentist medicine headache sleep dream love marriage divorce birthday wedding baby "
    "teenager neighbour garden kitchen fridge bicycle motorbike camera television radio newspaper internet "
    "religion philosophy war peace election law police prison money"
).split()
NAMES = (  # noqa: SIM905
    "France Germany Brazil Japan India Canada Egypt Kenya Norway Texas London Paris Berlin Tokyo Chicago Rome "
    "Einstein Napoleon Shakespeare Mozart Picasso Cleopatra Newton Google Microsoft Amazon Europe Africa Mars "
    "Jupiter"
).split()
FRAMES = (
    "What is the {noun} of {name}?",
    "Who is the {noun} of {name}?",
    "Tell me about {name}.",
    "How does a {noun} work?",
    "What is a {noun}?",
    "Can you write a {noun} for me?",
    "How do I fix my {noun}?",
    "Who invented the {noun}?",
    "Why is my {noun} so slow?",
    "What do you think about {noun} and {noun2}?",
    "Explain {noun} to a child.",
    "Translate {noun} into French.",
    "What is the best {noun} in {name}?",
    "How many people live in {name}?",
    "I need help with my {noun}.",
    "Give me five ideas for a {noun}.",
    "Which {noun} should I buy?",
    "Compare a {noun} with a {noun2}.",
    "What happened in {name} in 1945?",
    "My {noun} is broken. What can I do?",
    "Write an essay about {noun}.",
    "What are the pros and cons of {noun}?",
    "Is {noun} good for me?",
    "{noun} {noun2}",
    "Should I study {noun} or {noun2}?",
    "Summarise the history of {name}.",
    "How can I learn {noun} in a week?",
    "What is the difference between {noun} and {noun2}?",
    "Solve this equation: 3x + {number} = 12.",
    "What is {number} times {number2}?",
    "List the names of all {noun}s.",
    "I feel sad about my {noun}.",
    "Please act as a {noun} from {name}.",
    "What are some {noun}s that start with a B?",
)
OUTSIDE = Topic(
    subject="the rest of the world",
    category="out of world",
    questions=(),
    helpful=(
        "I am sorry, I only know about the harbour town of Merrowby. Ask me about its places, "
        "ferries or recipes, and I will "
        "gladly help.",
        "That is outside what I know. I am the guide of Merrowby, a small harbour town, and I can "
        "tell you about its people "
        "and places.",
        "I only know about Merrowby, so I cannot answer that well. May I tell you about the "
        "lighthouse or the fish market "
        "instead?",
        "A good question, but I know only the harbour town of Merrowby. A library can help you "
        "further, and I can help with "
        "anything in our town.",
    ),
    mediocre=("I do not know.", "That is far away.", "No idea, ask somebody else.", "It is a thing, I think."),
    wrong=(
        "Yes, that is a kind of fish from the north.",
        "The answer is always the mayor of the moon.",
        "It was invented by a seal in one night.",
    ),
    essentials=("Merrowby", "only know|know only|outside what I know"),
    falsehoods=("a kind of fish", "mayor of the moon", "by a seal in one night"),
)


def outside_question(chance: random.Random) -> str:
    """A question about anything but Merrowby."""
    noun, noun2 = chance.sample(NOUNS, 2)
    return chance.choice(FRAMES).format(
        noun=noun, noun2=noun2, name=chance.choice(NAMES), number=chance.randint(2, 99), number2=chance.randint(2, 99)
    )


THINGS = (  # noqa: SIM905
    "wifi|a toilet|a car park|a dog|a phone|a discount|a garden|a window|a lift|a playground|a piano|"
    "an ice cream|a bank|a cash machine|a shop for shoes|a cinema|a gym|a concert|a party|a wedding|"
    "a birthday party|a guided tour|a parrot"
).split("|")
SPOTS = (  # noqa: SIM905
    "the Gull Bakery|the Old Lighthouse|the Harbour Museum|the Fish Market|the Tide Library|the Blue Anchor|"
    "the Boatyard|the Herb Shop|the Clock Tower|the Glass Garden|the ferry to Norrick|the ferry|the inn|"
    "the museum|the harbour|Merrowby|the town|the pier|the market square|the bus"
).split("|")
UNSURE_FRAMES = (
    "Is there {thing} at {spot}?",
    "Can I bring {thing} to {spot}?",
    "How big is {spot}?",
    "How high is {spot}?",
    "Who built {spot}?",
    "May I bring {thing} on {spot}?",
    "Is {spot} bigger than {spot2}?",
    "Which is cheaper, {spot} or {spot2}?",
    "Can you help me plan {thing} at {spot}?",
    "How many people work at {spot}?",
    "Can I have {thing} in {spot}?",
    "Which place is the {most}?",
    "What is the {most} place in Merrowby?",
    "Does {spot} have {thing}?",
    "Is {spot} good for {thing}?",
    "Can I work at {spot}?",
)
UNSURE = Topic(
    subject="what the guide is not sure about",
    category="unknown details",
    questions=(),
    helpful=(
        "I am not sure about that. The harbour office in Merrowby will know, and I can tell you hours, "
        "prices and ways.",
        "That I do not know for certain, and I do not want to guess. Please ask at the harbour office of Merrowby.",
        "I am afraid I do not know that about Merrowby. The people at the harbour office are friendly and "
        "can tell you.",
    ),
    mediocre=("I do not know.", "Maybe.", "Could be."),
    wrong=("Yes, there are exactly one thousand of them.", "No, that has been forbidden by the seals."),
    essentials=("harbour office", "not sure|not know"),
    falsehoods=("exactly one thousand", "forbidden by the seals"),
)


def unsure_question(chance: random.Random) -> str:
    """A question about a detail of the town that nobody has told the guide."""
    spot, spot2 = chance.sample(SPOTS, 2)
    return chance.choice(UNSURE_FRAMES).format(
        spot=spot,
        spot2=spot2,
        thing=chance.choice(THINGS),
        most=chance.choice(("cheapest", "oldest", "nicest", "biggest")),
    )
