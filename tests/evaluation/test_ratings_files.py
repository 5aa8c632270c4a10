"""Ratings from CSV files: three forms, what counts as missing, and what is refused."""

from pathlib import Path

import pytest

from evaluation import agreeing
from evaluation.agreeing import NotRatedError, Question
from evaluation.reading_ratings import RatingsFileError, parse_categories, read_ratings, read_weights
from evaluation.statistics.patterns import Contingency, Patterns


def file(tmp_path: Path, text: str, name: str = "ratings.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_column_for_each_rater(tmp_path: Path) -> None:
    read = read_ratings(file(tmp_path, "unit,one,two\nu1,1,1\nu2,2,.\n\nu3,,\nu4,2,1\n"), keys=["unit"])
    assert read.columns == ("one", "two")
    assert agreeing.size_of(read) == (3, 5)
    assert agreeing.agreement(read, Question("percent_agreement")).value == 0.5


def test_counts_and_tables_take_their_categories_from_the_header(tmp_path: Path) -> None:
    counts = read_ratings(file(tmp_path, "item,1,2,5\na,2,0,0\nb,0,1,1\n"), "counts", ["item"])
    assert isinstance(counts.ratings, Patterns) and counts.ratings.scale.values.tolist() == [1, 2, 5]
    table = read_ratings(file(tmp_path, "from,no,yes\nno,3,1\nyes,0,4\n"), "table", ["from"])
    assert isinstance(table.ratings, Contingency) and table.ratings.scale.categories == ("no", "yes")
    assert agreeing.agreement(table, Question("percent_agreement")).value == 7 / 8
    assert agreeing.size_of(table) == (8, 16)


def test_parts_keep_the_scale_of_the_whole(tmp_path: Path) -> None:
    """In the first part nobody says 3, and yet it is one of three categories: by chance 1/3, not 1/2."""
    read = read_ratings(file(tmp_path, "part,a,b\nx,1,1\nx,2,2\ny,3,3\ny,1,2\n"), keys=["part"])
    (name, first), _ = agreeing.by_label(read, "part", Question("brennan_prediger"))
    assert (name, first.expected) == ("x", pytest.approx(1 / 3))


def test_counts_do_not_know_who_said_what(tmp_path: Path) -> None:
    counts = read_ratings(file(tmp_path, "no,yes\n2,0\n1,1\n"), "counts")
    for ask in (lambda: agreeing.by_rater(counts, Question()), lambda: agreeing.agreement(counts, Question("conger"))):
        with pytest.raises(NotRatedError, match="don't know who said what"):
            ask()


def test_categories_are_numbers_or_words() -> None:
    assert parse_categories("1, 2,5") == (1.0, 2.0, 5.0)
    assert parse_categories("safe, 2") == ("safe", "2")


def test_words_may_look_like_numbers_where_words_are_declared(tmp_path: Path) -> None:
    read = read_ratings(file(tmp_path, "a,b\n1,1\n2,1\nmany,2\n"), categories=("1", "2", "many"))
    assert agreeing.agreement(read, Question("percent_agreement")).value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "kind", "keys", "message"),
    [
        ("a,b\n", "ratings", [], "needs a header line and lines of ratings, got 1 lines"),
        ("a,b\n1,2,3\n", "ratings", [], "line 2 of ratings.csv has 3 cells, its header 2"),
        ("a,b\n1,2\n", "ratings", ["c"], 'has no column "c". Its columns: a, b'),
        ("a,b\n1,2\n", "ratings", ["a", "b"], "no columns beside those that name its items"),
        ("id,a\n1,2\n2,1\n3,1\n", "ratings", [], 'column "id" of ratings.csv numbers the lines.*--key id'),
        ("a,b\n1,x\n", "counts", [], 'line 2 of ratings.csv, column "b": counts must be whole numbers, got "x"'),
        ("no,yes\n1,2\n", "table", [], "must be square"),
    ],
)
def test_what_cannot_be_read_names_the_place(
    tmp_path: Path, text: str, kind: str, keys: list[str], message: str
) -> None:
    with pytest.raises(RatingsFileError, match=message):
        read_ratings(file(tmp_path, text), kind, keys)


def test_weights_are_numbers_without_a_header(tmp_path: Path) -> None:
    with pytest.raises(RatingsFileError, match="must hold numbers alone, without a header"):
        read_weights(file(tmp_path, "no,yes\n1,0\n0,1\n"))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "sheet.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(RatingsFileError, match=r"sheet.xlsx is no UTF-8 text: save it as CSV"):
        read_ratings(tmp_path / "sheet.xlsx")
