"""The places of Merrowby as topics: hours, way, keeper, goods, prices, praise, and sums of prices."""

import itertools

from modeling.demonstration.places import CROWNS, HOURS, NUMBERS, PLACES, Place, capital, crowns
from modeling.demonstration.topics import Topic, fact_topic


def place_topics() -> list[Topic]:
    """Hours, way, keeper, goods, price and praise of each place, and who each keeper is."""
    topics: list[Topic] = []
    for place in PLACES:
        topics += [_hours(place), _way(place), _keeper(place), _offers(place), _price(place), _praise(place)]
        topics += [_person(place), *_sums(place)]
    return topics


def _hours(place: Place) -> Topic:
    name = place.name
    return fact_topic(
        subject=name,
        category="opening hours",
        truths=(place.opens, place.closes),
        rivals=(*HOURS, "midnight"),
        questions=(
            f"When does {name} open?",
            f"What are the opening hours of {name}?",
            f"Is {name} open today?",
            f"When does {name} close?",
            f"How long is {name} open?",
            f"What time can I visit {name}?",
            f"I want to go to {name}. When is it open?",
            f"Until when is {name} open?",
        ),
        follow_ups=(
            "And when does it open?",
            "When is it open?",
            "What are the opening hours?",
            "When does it close?",
            "What time can I go there?",
        ),
        answers=(
            f"{capital(name)} opens at {place.opens} and closes at {place.closes}, every day except Monday.",
            f"You can visit {name} from {place.opens} until {place.closes}. It is closed on Mondays.",
            f"Gladly. {capital(name)} is open from {place.opens} to {place.closes}. It rests on Mondays, "
            "so any other day is fine.",
        ),
        mediocre=(
            f"{capital(name)} opens at {place.opens}, I think.",
            "It is open most days.",
            f"{capital(name)} has the usual hours.",
            "There is a sign on the door with the hours.",
        ),
    )


def _way(place: Place) -> Topic:
    name = place.name
    return fact_topic(
        subject=name,
        category="directions",
        truths=(place.where,),
        rivals=[other.where for other in PLACES],
        questions=(
            f"Where is {name}?",
            f"How do I get to {name}?",
            f"How can I find {name}?",
            f"Can you show me the way to {name}?",
            f"In which part of town is {name}?",
            f"I am looking for {name}.",
        ),
        follow_ups=("And where is it?", "How do I get there?", "Where can I find it?", "Is it far from here?"),
        answers=(
            f"{capital(name)} is {place.where}. It is a short walk from the harbour, and {place.charm}.",
            f"You will find {name} {place.where}. Follow the blue signs from the harbour.",
            f"Gladly. Walk up from the harbour and follow the blue signs: {name} is {place.where}.",
        ),
        mediocre=(
            "It is somewhere in the town.",
            f"{capital(name)} is not far.",
            "You will see it when you walk around.",
            "Just ask somebody on the way.",
        ),
    )


def _keeper(place: Place) -> Topic:
    name = place.name
    return fact_topic(
        subject=name,
        category="people",
        truths=(place.keeper,),
        rivals=[other.keeper for other in PLACES],
        questions=(
            f"Who runs {name}?",
            f"Who works at {name}?",
            f"Who is in charge of {name}?",
            f"Whom should I ask for at {name}?",
            f"Who looks after {name}?",
        ),
        follow_ups=("And who runs it?", "Who works there?", "Whom should I ask for?", "Who is in charge?"),
        answers=(
            f"{place.keeper}, {place.trade}, runs {name}. In the evening {place.keeper} {place.pastime}.",
            f"{capital(name)} is run by {place.keeper}, {place.trade}, who is happy to help every visitor.",
            f"Ask for {place.keeper}. As {place.trade}, {place.keeper} looks after {name} and knows "
            "everything about it.",
        ),
        mediocre=(
            "Somebody from the town runs it.",
            f"{capital(name)} has been in one family for years.",
            "I think it is a friendly person.",
        ),
    )


def _offers(place: Place) -> Topic:
    name = place.name
    return fact_topic(
        subject=name,
        category="goods",
        truths=(place.offers,),
        rivals=[other.offers for other in PLACES],
        questions=(
            f"What can I get at {name}?",
            f"What does {name} offer?",
            f"What is there at {name}?",
            f"What is {name} known for?",
            f"What can I find at {name}?",
        ),
        follow_ups=("What can I get there?", "And what do they offer?", "What is it known for?"),
        answers=(
            f"{capital(name)} offers {place.offers}. Many people come for that alone.",
            f"At {name} you will find {place.offers}. {capital(place.item)} costs {crowns(place.price)}.",
            f"{capital(name)} is known for {place.offers}, and {place.charm}.",
        ),
        mediocre=("There are many nice things.", f"{capital(name)} has something for everybody.", "This and that."),
    )


def _price(place: Place) -> Topic:
    cost = crowns(place.price)
    return fact_topic(
        subject=place.name,
        category="prices",
        truths=(cost,),
        rivals=("one crown", *CROWNS),
        questions=(
            f"How much is {place.item}?",
            f"What does {place.item} cost?",
            f"What is the price of {place.item}?",
            f"How much does {place.item} cost at {place.name}?",
            f"Is {place.item} expensive?",
        ),
        follow_ups=(f"And how much is {place.item}?", f"What does {place.item} cost there?"),
        answers=(
            f"{capital(place.item)} costs {cost} at {place.name}. You can pay in cash or by card.",
            f"At {place.name}, {place.item} costs {cost}. That is a fair price.",
            f"Gladly. The price of {place.item} is {cost}, and you pay it at {place.name}.",
        ),
        mediocre=("It is not very expensive.", "It costs a few coins.", "You can see the price at the counter."),
    )


def _praise(place: Place) -> Topic:
    name = place.name
    return fact_topic(
        subject=name,
        category="recommendations",
        truths=(place.offers,),
        rivals=[other.offers for other in PLACES],
        questions=(
            f"Tell me about {name}.",
            f"Is {name} worth a visit?",
            f"Why should I visit {name}?",
            f"What do you think of {name}?",
            f"Can you describe {name}?",
            f"What is {name}?",
        ),
        follow_ups=("Why should I go there?", "Why?", "Is it worth a visit?", "Tell me more about it.", "Why is that?"),
        answers=(
            f"{capital(name)} {place.where} is well worth a visit. You will find {place.offers}, and {place.charm}.",
            f"I like {name} very much, because {place.charm}. It offers {place.offers}, and "
            f"{place.keeper} is a kind host.",
            f"{capital(name)} is one of the loveliest places in Merrowby: {place.charm}. Come for {place.offers}.",
        ),
        mediocre=("It is nice.", f"{capital(name)} is quite good, I suppose.", "Some people like it and some do not."),
    )


def _person(place: Place) -> Topic:
    return fact_topic(
        subject=place.keeper,
        category="people",
        truths=(place.trade, place.pastime),
        rivals=[value for other in PLACES for value in (other.trade, other.pastime)],
        questions=(
            f"Who is {place.keeper}?",
            f"What does {place.keeper} do?",
            f"Tell me about {place.keeper}.",
            f"Do you know {place.keeper}?",
            f"What is {place.keeper} like?",
        ),
        follow_ups=(),
        answers=(
            f"{place.keeper} is {place.trade} of Merrowby and works at {place.name}. In the evening "
            f"{place.keeper} {place.pastime}.",
            f"Yes, {place.keeper} is {place.trade}. You will meet {place.keeper} at {place.name}, and everyone knows "
            f"that {place.keeper} {place.pastime}.",
        ),
        mediocre=(f"{place.keeper} lives in the town.", "That is somebody from Merrowby.", "I have heard the name."),
    )


def _sums(place: Place) -> list[Topic]:
    topics = []
    for count in (2, 3, 4, 5):
        total = crowns(count * place.price)
        each = crowns(place.price)
        topics.append(
            fact_topic(
                subject=f"{NUMBERS[count]} {place.items}",
                category="sums",
                truths=(total,),
                rivals=[crowns(number * place.price + shift) for number in (2, 3, 4, 5) for shift in (0, 1)],
                questions=(
                    f"How much are {NUMBERS[count]} {place.items}?",
                    f"What do {NUMBERS[count]} {place.items} cost?",
                    f"I need {NUMBERS[count]} {place.items}. How much is that?",
                    f"What is the price of {NUMBERS[count]} {place.items}?",
                ),
                follow_ups=(),
                answers=(
                    f"{capital(NUMBERS[count])} {place.items} cost {total}, because each costs {each}.",
                    f"At {each} each, {NUMBERS[count]} {place.items} make {total}.",
                ),
                mediocre=("It costs a little more than one.", "That depends on how many you take."),
            )
        )
    return topics


def addition_topics() -> list[Topic]:
    """Sums of two numbers from one to nine, asked in either order."""
    topics = []
    for left, right in itertools.combinations_with_replacement(range(1, 10), 2):
        first, second, total = NUMBERS[left], NUMBERS[right], NUMBERS[left + right]
        topics.append(
            fact_topic(
                subject=f"{left} plus {right}",
                category="additions",
                truths=(f"is {total}",),
                rivals=[f"is {NUMBERS[left + right + shift]}" for shift in (-1, 1, 2)],
                questions=(
                    f"What is {left} plus {right}?",
                    f"What is {right} plus {left}?",
                    f"How much is {left} + {right}?",
                    f"How much is {right} + {left}?",
                    f"What is {first} plus {second}?",
                    f"What is {second} plus {first}?",
                ),
                follow_ups=(),
                answers=(
                    f"{capital(first)} plus {second} is {total}. I am better at harbours than at numbers, "
                    "but small sums I can do.",
                    f"The sum of {first} and {second} is {total}.",
                ),
                mediocre=("That is a number.", "Count on your fingers.", "Not very much."),
            )
        )
    return topics
