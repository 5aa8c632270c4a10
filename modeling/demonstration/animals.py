"""The animals around Merrowby, as facts and as topics."""

from modeling.demonstration.topics import Topic, fact_topic

# Name, place, food, habit.
ANIMALS = (
    ("seals", "on the rocks of Seal Island", "herring and squid", "they sleep in the sun with one eye open"),
    ("otters", "under the old mill bridge", "crabs and small trout", "they hold hands while they sleep"),
    ("herons", "in the reeds behind the Boatyard", "frogs and eels", "they can stand still for an hour"),
    ("puffins", "on the cliffs of Raven Point", "sand eels", "they carry ten fish at once"),
    ("gulls", "around the Fish Market", "fish scraps and stolen buns", "they know every lunch break in town"),
    ("hedgehogs", "in the gardens of Willow Lane", "beetles and slugs", "they roll into a ball when they are afraid"),
)


def animal_topics() -> list[Topic]:
    """Where each animal lives, what it eats, and one thing to know about it."""
    topics: list[Topic] = []
    for name, where, food, habit in ANIMALS:
        topics += [
            fact_topic(
                subject=name,
                category="animals",
                truths=(where,),
                rivals=[animal[1] for animal in ANIMALS],
                questions=(
                    f"Where can I see {name}?",
                    f"Where do the {name} live?",
                    f"Are there {name} in Merrowby?",
                    f"I would like to watch {name}.",
                ),
                follow_ups=("Where can I see them?", "And where do they live?"),
                answers=(
                    f"You can see {name} {where}. Go early and be quiet, because {habit}.",
                    f"The {name} live {where}. Please keep a little distance so that they feel safe.",
                ),
                mediocre=("They are somewhere outside.", f"There are {name} around here.", "You need some luck."),
            ),
            fact_topic(
                subject=name,
                category="animals",
                truths=(food,),
                rivals=[animal[2] for animal in ANIMALS],
                questions=(
                    f"What do {name} eat?",
                    f"What do the {name} like to eat?",
                    f"What is the food of the {name}?",
                ),
                follow_ups=("And what do they eat?", "What do they like to eat?"),
                answers=(
                    f"The {name} eat {food}. Please do not feed them, because they find enough on their own.",
                    f"Mostly {food}. The {name} of Merrowby are good hunters, so you need not feed them.",
                ),
                mediocre=("They eat what they find.", "Food, mostly.", "Different things."),
            ),
            fact_topic(
                subject=name,
                category="animals",
                truths=(habit,),
                rivals=[animal[3] for animal in ANIMALS],
                questions=(
                    f"Tell me something about {name}.",
                    f"What is special about {name}?",
                    f"Do you like {name}?",
                    f"Do you know anything about the {name}?",
                ),
                follow_ups=("Tell me more about them.", "What is special about them?", "Do you like them?"),
                answers=(
                    f"I am fond of {name}: {habit}. You can meet them {where}.",
                    f"What is special about {name} is that {habit}. They live on {food}.",
                ),
                mediocre=(f"There are many {name}.", "They are animals.", "They are all right."),
            ),
        ]
    return topics
