"""The two mixes of the paper's section 3.2.2: equal parts for helpfulness, nine to one for safety."""

from collections import Counter

import pytest

from modeling.json_lines import DataError
from modeling.mixing import mixed
from modeling.preference_data import PreferencePair


def pairs(**counts: int) -> list[PreferencePair]:
    """As many pairs of each source, in turn, as a file of several batches would hold them."""
    sources = [source for source, count in counts.items() for _ in range(count)]
    sources = sources[::3] + sources[1::3] + sources[2::3]
    return [
        PreferencePair(str(number), [], [], [], None, None, None, None, None, None if source == "unknown" else source)
        for number, source in enumerate(sources)
    ]


def sources(mix: list[PreferencePair]) -> Counter[str | None]:
    return Counter(pair.source for pair in mix)


def test_helpfulness_takes_all_its_own_and_as_many_of_the_others() -> None:
    drawn = sources(mixed(pairs(helpfulness=40, safety=60, open=100), "helpfulness", seed=0))
    assert drawn["helpfulness"] == 40
    assert drawn["safety"] + drawn["open"] == 40


def test_the_others_are_drawn_uniformly_whatever_their_source() -> None:
    # 1000 of 2000 drawn without replacement, 500 of them safety: mean 250, standard deviation sqrt(1000/4 * .375) = 9.7
    drawn = sources(mixed(pairs(helpfulness=1000, safety=500, open=1500), "helpfulness", seed=0))
    assert drawn["safety"] == pytest.approx(250, abs=4 * 9.7)


def test_safety_takes_all_its_own_as_nine_parts_of_ten() -> None:
    drawn = sources(mixed(pairs(helpfulness=70, safety=90, open=30), "safety", seed=0))
    assert drawn["safety"] == 90
    assert drawn["helpfulness"] + drawn["open"] == 10
    assert drawn["helpfulness"] > 0


def test_where_there_are_fewer_of_the_others_all_of_them_are_taken() -> None:
    drawn = sources(mixed(pairs(helpfulness=40, safety=5, open=3), "helpfulness", seed=0))
    assert drawn == {"helpfulness": 40, "safety": 5, "open": 3}


def test_a_seed_draws_the_same_pairs_again_and_another_seed_others() -> None:
    data = pairs(helpfulness=40, safety=60, open=100)
    assert mixed(data, "helpfulness", seed=3) == mixed(data, "helpfulness", seed=3)
    assert mixed(data, "helpfulness", seed=3) != mixed(data, "helpfulness", seed=4)


def test_no_pair_is_drawn_twice_and_all_keep_their_order() -> None:
    numbers = [int(pair.id) for pair in mixed(pairs(helpfulness=40, safety=60, open=100), "helpfulness", seed=0)]
    assert numbers == sorted(set(numbers))


def test_without_a_mix_every_pair_is_trained_on_sources_known_or_not() -> None:
    data = pairs(helpfulness=3, unknown=4)
    assert mixed(data, "none", seed=0) == data


def test_a_pair_without_a_source_cannot_be_mixed() -> None:
    with pytest.raises(DataError, match=r"training pair \d+ has no source, by which mix safety draws.*set mix to none"):
        mixed(pairs(helpfulness=3, safety=3, unknown=1), "safety", seed=0)


def test_a_mix_needs_pairs_of_its_own() -> None:
    with pytest.raises(DataError, match="no training pair has source safety, of which mix safety takes all"):
        mixed(pairs(helpfulness=3, open=3), "safety", seed=0)
