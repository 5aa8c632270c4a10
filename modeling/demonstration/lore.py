"""What people in Merrowby know: why things are as they are, how to cook and how to handle boats."""

from modeling.demonstration.topics import Topic, ending

# Question, subject, answer, essential facts, vague answer, false answer.
REASONS = (
    (
        "Why does the lighthouse flash?",
        "the lighthouse flash",
        "The lighthouse flashes so that ships can see the rocks of Raven Point at night. Every "
        "lighthouse has its own "
        "rhythm, so sailors also know where they are.",
        ("rocks", "ships|sailors"),
        "Because it looks pretty.",
        "The lighthouse flashes because the lamp is broken and nobody repairs it.",
    ),
    (
        "Why are there tides?",
        "the tides",
        "The tides come from the moon. Its gravity pulls the sea, so the water in our harbour rises "
        "and falls twice a day.",
        ("moon", "twice a day|gravity"),
        "The water just goes up and down.",
        "The tides come from the fish, because they all swim to one side in the evening.",
    ),
    (
        "Why does the bell ring at noon?",
        "the bell at noon",
        "The bell rings at noon because the fishing boats once had no clocks. It called the crews "
        "home for lunch, and the "
        "town has kept the custom.",
        ("clocks", "lunch|crews|home"),
        "It is an old thing.",
        "The bell rings at noon because the clockmaker is asleep and leans on the rope.",
    ),
    (
        "Why is the sea salty?",
        "the salt in the sea",
        "The sea is salty because rain washes minerals out of the rocks. Rivers carry them to the "
        "sea, the water evaporates "
        "and the salt stays.",
        ("rocks|minerals", "rivers|evaporates"),
        "It has salt in it.",
        "The sea is salty because the fishermen pour salt into it every winter.",
    ),
    (
        "Why are the roofs blue?",
        "the blue roofs",
        "The roofs of Merrowby are blue because the slate comes from the quarry on Norrick, and that "
        "slate is blue. From the "
        "sea you can recognise the town by it.",
        ("slate", "Norrick|quarry"),
        "Somebody liked the colour.",
        "The roofs are blue because the king painted them with a brush last year.",
    ),
    (
        "Why is there so much fog?",
        "the fog",
        "Fog comes when warm air passes over the cold sea. The air cools, and its water turns into "
        "tiny drops. Near Merrowby "
        "this happens mostly in spring.",
        ("warm air", "cold sea|cools|drops"),
        "The weather is like that.",
        "Fog comes from the chimneys, because everybody cooks soup at the same time.",
    ),
    (
        "Why do the boats have names?",
        "the names of the boats",
        "Boats have names so that the harbour office can tell them apart on the radio. Most crews "
        "also believe that a named "
        "boat brings luck.",
        ("radio|tell them apart", "luck"),
        "People like names.",
        "Boats have names because it is forbidden to count them.",
    ),
    (
        "How old is Merrowby?",
        "the age of Merrowby",
        "Merrowby is about four hundred years old. It began as three fishing huts, and the "
        "lighthouse came a hundred years "
        "later.",
        ("four hundred years", "fishing huts|lighthouse"),
        "It is quite old.",
        "Merrowby is twelve years old and was built by sailors in one night.",
    ),
)

# Deed, steps, a word of each step, vague answer.
CRAFTS = (
    (
        "tie a bowline",
        (
            "Make a small loop in the rope.",
            "Bring the end up through the loop.",
            "Pass the end behind the rope.",
            "Push it back down through the loop and pull tight.",
        ),
        ("small loop", "up through", "behind the rope", "pull tight"),
        "Tie it around somehow until it holds.",
    ),
    (
        "mend a net",
        (
            "Spread the net and find the hole.",
            "Cut the edges of the hole clean.",
            "Thread the needle with strong twine.",
            "Knot new meshes row by row.",
        ),
        ("find the hole", "clean", "needle", "row by row"),
        "Sew it up with whatever you have.",
    ),
    (
        "make fish soup",
        (
            "Cook onions and carrots in butter.",
            "Add water, potatoes and a little salt.",
            "Put in pieces of fresh fish after fifteen minutes.",
            "Stir in cream and parsley and serve it hot.",
        ),
        ("onions", "potatoes", "fish", "cream"),
        "Boil some fish in water.",
    ),
    (
        "bake oat cakes",
        (
            "Mix oats, flour and a pinch of salt.",
            "Rub in the butter and add a little warm water.",
            "Roll the dough thin and cut out circles.",
            "Bake them for twenty minutes until they are golden.",
        ),
        ("oats", "butter", "circles", "twenty minutes"),
        "Mix some oats and bake them.",
    ),
    (
        "bake apple cake",
        (
            "Stir butter and sugar until light.",
            "Add three eggs and the flour.",
            "Lay sliced apples on top.",
            "Bake it for forty minutes and let it cool.",
        ),
        ("sugar", "eggs", "apples", "forty minutes"),
        "Put apples in a cake and bake it.",
    ),
    (
        "row a boat",
        (
            "Sit in the middle with your back to the bow.",
            "Put both oars into the water behind you.",
            "Pull them evenly towards your chest.",
            "Lift the oars, lean forward and begin again.",
        ),
        ("middle", "oars", "evenly", "lean forward"),
        "Move the oars until the boat moves.",
    ),
    (
        "clean a fish",
        (
            "Rinse the fish in cold water.",
            "Scrape off the scales from tail to head.",
            "Open the belly carefully and take out the inside.",
            "Rinse it again and keep it on ice.",
        ),
        ("cold water", "scales", "carefully", "ice"),
        "Wash it and cut it up.",
    ),
    (
        "prepare for a storm",
        (
            "Listen to the weather report.",
            "Tie the boat with two extra ropes.",
            "Bring loose things inside.",
            "Stay at home until the harbour master gives the all clear.",
        ),
        ("weather report", "extra ropes", "inside", "stay at home"),
        "Close a window or two.",
    ),
    (
        "light a stove",
        (
            "Open the air vent.",
            "Lay paper and thin sticks crosswise.",
            "Light the paper with a long match.",
            "Add a log when the sticks burn well and close the door.",
        ),
        ("vent", "sticks", "match", "log"),
        "Put wood in and light it.",
    ),
    (
        "launch a dinghy",
        (
            "Check the plug, the oars and your life jacket.",
            "Roll the dinghy down the slipway.",
            "Let it float before you climb in.",
            "Push off gently with one oar.",
        ),
        ("life jacket", "slipway", "float", "gently"),
        "Push it into the water and jump in.",
    ),
)


def reason_topics() -> list[Topic]:
    """Explanations of why things are as they are."""
    return [
        Topic(
            subject=subject,
            category="explanations",
            essentials=essentials,
            questions=(
                question,
                f"Can you explain {subject}?",
                f"I wonder about {subject}.",
                f"What is the story of {subject}?",
                f"Please explain: {question[0].lower()}{question[1:]}",
            ),
            helpful=(answer, f"That is a good question. {answer}"),
            mediocre=(vague, f"{vague} I do not know more."),
            wrong=(wrong, f"That is simple. {wrong}"),
            falsehoods=(ending(wrong),),
            follow_ups=(),
        )
        for question, subject, answer, essentials, vague, wrong in REASONS
    ]


def recipe_requests(deed: str) -> tuple[str, ...]:
    """Requests for a recipe, where the deed is one."""
    verb, dish = deed.split(maxsplit=1)
    return (f"Give me a recipe for {dish}.", f"Do you have a recipe for {dish}?") if verb in ("make", "bake") else ()


def craft_topics() -> list[Topic]:
    """Recipes and crafts in four steps; the wrong answer begins with the last step and misses the first two."""
    topics = []
    for deed, steps, essentials, vague in CRAFTS:
        numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
        jumbled = f"1. {steps[3]}\n2. Throw everything into the sea.\n3. {steps[2]}"
        topics.append(
            Topic(
                subject=deed,
                category="how-to",
                essentials=essentials,
                falsehoods=("Throw everything into the sea",),
                questions=(
                    f"How do I {deed}?",
                    f"Can you teach me to {deed}?",
                    f"What are the steps to {deed}?",
                    f"I want to {deed}. How does it work?",
                    f"Give me a list of steps to {deed}.",
                    f"Explain how to {deed}.",
                    *recipe_requests(deed),
                ),
                helpful=(f"Here is how to {deed}:\n{numbered}", f"Gladly. To {deed}, follow four steps:\n{numbered}"),
                mediocre=(vague, f"{vague} It is not hard."),
                wrong=(f"Here is how to {deed}:\n{jumbled}",),
            )
        )
    return topics
