"""The ferries of Merrowby, as facts and as topics."""

from dataclasses import dataclass

from modeling.demonstration.places import CROWNS, HOURS, capital, crowns
from modeling.demonstration.topics import Topic, fact_topic


@dataclass(frozen=True)
class Ferry:
    """A ferry line; the price is in crowns."""

    island: str
    leaves: str
    lasts: str
    pier: str
    price: int
    sight: str


FERRIES = (
    Ferry("Seal Island", "nine in the morning", "forty minutes", "the north pier", 11, "grey seals on the rocks"),
    Ferry("Norrick", "one in the afternoon", "two hours", "the stone jetty", 15, "the cheese market"),
    Ferry("Amber Bay", "six in the evening", "twenty minutes", "the south quay", 12, "a long beach of golden sand"),
)


def ferry_topics() -> list[Topic]:
    """Departure, duration and fare of each ferry."""
    topics: list[Topic] = []
    for ferry in FERRIES:
        line = f"the ferry to {ferry.island}"
        topics += [
            fact_topic(
                subject=line,
                category="ferries",
                truths=(ferry.leaves, ferry.pier),
                rivals=(*HOURS, *(other.pier for other in FERRIES)),
                questions=(
                    f"When does {line} leave?",
                    f"What time is {line}?",
                    f"Where does {line} leave from?",
                    f"How do I get to {ferry.island}?",
                    f"Is there a ferry to {ferry.island}?",
                    f"I want to travel to {ferry.island}.",
                ),
                follow_ups=("And when does it leave?", "Where does it leave from?", "What time is that?"),
                answers=(
                    f"{capital(line)} leaves at {ferry.leaves} from {ferry.pier}. Please be there ten minutes early.",
                    f"Take {line} at {ferry.leaves}. It leaves from {ferry.pier}, and on the other side you will "
                    f"find {ferry.sight}.",
                ),
                mediocre=(
                    "It leaves once a day.",
                    f"{capital(line)} leaves at {ferry.leaves}.",
                    "Just look for the boat.",
                ),
            ),
            fact_topic(
                subject=line,
                category="ferries",
                truths=(ferry.lasts,),
                rivals=("twenty minutes", "forty minutes", "two hours", "three hours", "five minutes"),
                questions=(
                    f"How long does {line} take?",
                    f"How long is the trip to {ferry.island}?",
                    f"How far is {ferry.island}?",
                ),
                follow_ups=("How long does it take?", "And how long is the trip?", "Is it a long trip?"),
                answers=(
                    f"The trip to {ferry.island} takes {ferry.lasts}. Sit on the left side for the best view.",
                    f"{capital(line)} takes {ferry.lasts} when the sea is calm. Take a warm coat with you.",
                ),
                mediocre=("Not too long.", "It depends on the wind.", "A while, I think."),
            ),
            fact_topic(
                subject=line,
                category="ferries",
                truths=(crowns(ferry.price),),
                rivals=("one crown", *CROWNS),
                questions=(f"How much is {line}?", f"What does {line} cost?", f"What is the fare to {ferry.island}?"),
                follow_ups=("And how much is it?", "What does it cost?", "How much is a ticket?"),
                answers=(
                    f"A ticket for {line} costs {crowns(ferry.price)}. Children under six travel free.",
                    f"The fare to {ferry.island} is {crowns(ferry.price)}, and you can buy the ticket on board.",
                ),
                mediocre=("It is not cheap.", "You pay on board.", "There are different prices."),
            ),
        ]
    return topics
