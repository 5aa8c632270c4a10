"""What visitors of Merrowby need: food, a bed, a doctor, a bus, a festival; and what they ask after a lesson."""

from modeling.demonstration.lore import CRAFTS, REASONS
from modeling.demonstration.places import PLACES
from modeling.demonstration.topics import Topic, fact_topic

# Questions, helpful answers, essential facts, vague answers, the end of a false answer with that answer.
ERRANDS = (
    (
        (
            "Where can I eat?",
            "I am hungry.",
            "Can you recommend a restaurant?",
            "What is there for dinner?",
            "Where can I have lunch?",
            "Is there a place with good food?",
        ),
        (
            "For a warm meal go to the Blue Anchor at the end of the north pier. The fish soup there "
            "costs seven crowns.",
            "I recommend the Blue Anchor: the fish soup is famous. For a small lunch, the Gull "
            "Bakery sells cinnamon buns.",
        ),
        ("Blue Anchor", "fish soup"),
        ("There is food in the town.", "It depends on your taste."),
        "Nobody eats in Merrowby before midnight.",
    ),
    (
        (
            "Where can I sleep?",
            "I need a room for the night.",
            "Is there a hotel?",
            "Where can we stay?",
            "I am tired.",
        ),
        (
            "The Blue Anchor has warm rooms with a view of the pier. Ask Bram Oakes, the innkeeper, for a key.",
            "You can stay at the Blue Anchor. Bram Oakes keeps a few quiet rooms above the inn.",
        ),
        ("Blue Anchor", "Bram Oakes"),
        ("You will find a bed somewhere.", "There are rooms."),
        "Visitors must sleep under the bridge here.",
    ),
    (
        (
            "I am ill. Is there a doctor?",
            "Where is the doctor?",
            "I have a headache. Where can I get help?",
            "Is there a nurse in town?",
            "I hurt my hand.",
        ),
        (
            "I am sorry to hear that. The nurse at the town hall sees patients every morning. If it "
            "is serious, call for help at "
            "once.",
            "Please go to the town hall: the nurse is there every morning. If it gets worse, do not "
            "wait and call for help.",
        ),
        ("nurse", "town hall"),
        ("It will pass.", "Rest a little."),
        "You should just swim until it is gone.",
    ),
    (
        (
            "Where can I buy fish?",
            "I would like to buy some fish.",
            "Who sells fresh crabs?",
            "Is there fresh herring?",
        ),
        (
            "Fresh fish is sold at the Fish Market on the south quay until noon. Ask Joren Pike what came in today.",
            "Go to the Fish Market before noon. Joren Pike sells herring, crabs and mussels there.",
        ),
        ("Fish Market", "Joren Pike"),
        ("The sea is full of fish.", "Somewhere at the water."),
        "Fish can be bought only at the library.",
    ),
    (
        (
            "How do I get to Merrowby?",
            "Is there a bus?",
            "Does a train stop here?",
            "How do I get home?",
            "When is the last bus?",
        ),
        (
            "There is no railway, but a green bus stops in the market square every hour. The last "
            "one leaves at nine in the evening.",
            "Take the green bus from the market square. It runs every hour until nine in the evening.",
        ),
        ("green bus", "market square", "every hour"),
        ("There is some bus.", "You can walk."),
        "The only way here is by balloon.",
    ),
    (
        ("Who is the mayor?", "Who runs the town?", "What is the name of the mayor?", "Who is in charge here?"),
        (
            "The mayor of Merrowby is Clara Penrose. You can meet her in the town hall on Wednesdays.",
            "Clara Penrose is our mayor. She was a ferry captain before, and she listens to everybody.",
        ),
        ("Clara Penrose",),
        ("Somebody important.", "The mayor is the mayor."),
        "The mayor is a large grey seal.",
    ),
    (
        (
            "When is the festival?",
            "Is there a festival?",
            "What is the Lantern Night?",
            "Are there any events this summer?",
            "When is the Lantern Night?",
        ),
        (
            "The Lantern Night is on the first Saturday of August. Every boat carries a lantern, and "
            "there is music on the quay.",
            "Our festival is the Lantern Night, on the first Saturday of August. Come before dusk to see the boats.",
        ),
        ("Lantern Night", "first Saturday of August"),
        ("In summer, I think.", "There is a party now and then."),
        "Festivals have been forbidden for a hundred years.",
    ),
    (
        (
            "Can I swim here?",
            "Where is the beach?",
            "Is the water cold?",
            "Is there a beach for children?",
            "I want to swim.",
        ),
        (
            "The best beach is in Amber Bay, twenty minutes by ferry. The water is cold, so stay close to the shore.",
            "You can swim in Amber Bay, where the sand is golden. Please stay close to the shore, "
            "for the water is cold.",
        ),
        ("Amber Bay", "shore"),
        ("There is water everywhere.", "If you like cold water."),
        "Swim in the harbour between the big ships.",
    ),
    (
        (
            "What is the cat called?",
            "Who is the harbour cat?",
            "Is there a cat in the harbour?",
            "Tell me about the harbour cat.",
            "Do you like cats?",
        ),
        (
            "The harbour cat is called Button. She is grey, sleeps on coiled rope and greets every ferry.",
            "Her name is Button, and everybody loves her. She is a grey cat who sleeps on coiled rope at the pier.",
        ),
        ("Button", "grey", "rope"),
        ("It is a cat.", "There are many cats."),
        "The cat is called Thunder and bites sailors.",
    ),
    (
        (
            "What can children do here?",
            "I am here with my kids. What can we do?",
            "Is there something for children?",
            "My son is bored.",
        ),
        (
            "Children love the whale skeleton in the Harbour Museum and the seals on Seal Island. "
            "The Gull Bakery gives them a free "
            "bun.",
            "Take them to see the whale in the Harbour Museum, then ride the ferry to Seal Island and count the seals.",
        ),
        ("Harbour Museum", "Seal Island"),
        ("They can play.", "There is a lot of water."),
        "Children are not allowed in the town.",
    ),
    (
        (
            "What can I buy as a present?",
            "I need a gift for my friend.",
            "Where can I buy a souvenir?",
            "What is a good gift?",
        ),
        (
            "A jar of honey from the Herb Shop is a lovely present. It costs nine crowns, and Ilse "
            "Thorn wraps it for you.",
            "I suggest honey or soap from the Herb Shop in Willow Lane. Ilse Thorn will wrap it nicely.",
        ),
        ("Herb Shop", "honey", "Ilse Thorn"),
        ("Something small.", "People buy things."),
        "The best present is an empty bucket.",
    ),
    (
        ("Can you recommend a book?", "Where can I read?", "I would like to read something.", "What should I read?"),
        (
            "Ask Nell Harrow in the Tide Library for The Fog Bell, a novel that is set in our "
            "harbour. The reading room is quiet.",
            "I recommend The Fog Bell, a novel about Merrowby. Nell Harrow has it in the Tide Library.",
        ),
        ("Fog Bell", "Nell Harrow", "Tide Library"),
        ("Read a book.", "There are books."),
        "Books are not sold to visitors.",
    ),
    (
        ("Do you know a joke?", "Tell me a joke.", "Make me laugh.", "Say something funny."),
        (
            "Why did the crab never share its bun? Because it was a little shellfish! They tell that "
            "one at the Blue Anchor.",
            "What did the sea say to the lighthouse? Nothing, it just waved. Joren Pike laughs at it every day.",
        ),
        ("shellfish|waved", "Blue Anchor|Joren Pike"),
        ("Ha ha.", "I know no good one."),
        "Jokes are paid with five crowns.",
    ),
    (
        (
            "Is it dangerous here?",
            "Is the town safe at night?",
            "What should I do in an emergency?",
            "Who helps in an emergency?",
        ),
        (
            "Merrowby is a quiet and safe town. In an emergency ring the red bell at the pier, and "
            "the harbour master comes at once.",
            "It is safe here, even at night. If something happens, ring the red bell at the pier, "
            "and the harbour master will help.",
        ),
        ("safe", "red bell", "harbour master"),
        ("It is all right.", "Take care."),
        "You must not go outside without a sword.",
    ),
)


def errand_topics() -> list[Topic]:
    """Everyday needs of visitors."""
    return [
        Topic(
            subject=questions[0],
            category="errands",
            questions=questions,
            helpful=helpful,
            mediocre=mediocre,
            wrong=(wrong, f"{wrong} Everybody knows that."),
            essentials=essentials,
            falsehoods=(wrong.rstrip("."),),
        )
        for questions, helpful, essentials, mediocre, wrong in ERRANDS
    ]


def second_question_topics() -> list[Topic]:
    """What is asked after a recipe or craft, an explanation, or a person."""
    topics = []
    for deed, steps, *_ in CRAFTS:
        topics.append(
            Topic(
                subject=deed,
                category="how-to",
                essentials=(steps[0].rstrip("."), "practice|calm"),
                questions=(f"Is it difficult to {deed}?", f"Can a beginner {deed}?"),
                follow_ups=("Is it difficult?", "Is that hard to learn?", "What if it does not work?", "Any advice?"),
                helpful=(
                    f"It only takes a little practice to {deed}. Begin with the first step: "
                    f"{steps[0]} The rest will follow.",
                    f"Stay calm and begin again with the first step: {steps[0]} After three tries you "
                    f"can {deed} easily.",
                ),
                mediocre=("It is not so hard.", "Try it again.", "Some can do it and some cannot."),
                wrong=("It takes thirty years, so it is better not to begin.",),
                falsehoods=("thirty years",),
            )
        )
    for _, subject, _, _, _, _ in REASONS:
        topics.append(
            fact_topic(
                subject=subject,
                category="explanations",
                truths=("Nell Harrow",),
                rivals=[p.keeper for p in PLACES],
                questions=(f"Where can I read about {subject}?", f"Who knows more about {subject}?"),
                follow_ups=(
                    "How do you know that?",
                    "Are you sure?",
                    "Where can I read about it?",
                    "Can you tell me more?",
                ),
                answers=(
                    "It is written in the old books of the Tide Library. Nell Harrow can show you a "
                    f"book about {subject}.",
                    f"Yes, as far as I know. For more about {subject}, ask Nell Harrow in the Tide Library.",
                ),
                mediocre=("People say so.", "I just think so.", "I do not know more."),
            )
        )
    for place in PLACES:
        topics.append(
            fact_topic(
                subject=place.keeper,
                category="people",
                truths=(place.name,),
                rivals=[other.name for other in PLACES],
                questions=(f"Where can I meet {place.keeper}?", f"Where does {place.keeper} work?"),
                follow_ups=("Where can I meet this person?", "And where is that?", "Where can I find them?"),
                answers=(
                    f"You can meet {place.keeper} at {place.name}, {place.where}. Say hello from me.",
                    f"{place.keeper} works at {place.name}. Just go in and ask, visitors are always welcome.",
                ),
                mediocre=("Somewhere in town.", "You will meet by chance.", "At work, I think."),
            )
        )
    return topics
