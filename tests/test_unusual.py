"""What is unusual: ten times the usual sum, a gap in the numbers, a date outside the month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.validator.unusual import Gap, Numbers, times_usual, usual_month


def gaps(billnums: Iterable[str], known: Callable[[list[str]], set[str]]) -> Iterator[Gap]:
    """The gaps in these bill numbers, which stand at their places."""
    numbers = Numbers()
    for at, billnum in enumerate(billnums):
        numbers.add(billnum, at)
    return numbers.gaps(known)


def nothing(_: list[str]) -> set[str]:
    """A ledger that knows no number."""
    return set()


def test_ten_times_the_usual_is_unusual() -> None:
    """Exactly ten times already is, a cent less is not, and without history nothing is."""
    assert times_usual(100_000, 10_000) == 10
    assert times_usual(99_999, 10_000) is None
    assert times_usual(100_000, None) is None
    assert times_usual(-100_000, 10_000) is None


def test_a_missing_number_is_a_gap() -> None:
    """Told before the number that follows it."""
    numbers = ["1001", "1002", "1004", "1005"]
    assert list(gaps(numbers, nothing)) == [Gap("1004", ["1003"], 2)]


def test_the_series_goes_on_from_the_ledger() -> None:
    """What an earlier run sent counts: between it and this run numbers may be missing, too."""
    ledger = {"998", "999"}
    assert list(gaps(["1001", "1002"], lambda some: ledger & set(some))) == [Gap("1001", ["1000"], 0)]
    assert list(gaps(["1000", "1001"], lambda some: ledger & set(some))) == []
    assert list(gaps(["1001", "1003"], lambda some: {"1002", "1000"} & set(some))) == []


def test_what_stands_before_the_number_makes_a_series_of_its_own() -> None:
    """`A-1` and `B-3` do not lack anything between them; zeros at the beginning are kept."""
    assert list(gaps(["A-1", "B-3"], nothing)) == []
    assert list(gaps(["A-001", "A-003"], nothing)) == [Gap("A-003", ["A-002"], 1)]


def test_a_wide_gap_is_another_series() -> None:
    """From 1002 to 5001 nobody misses anything."""
    assert list(gaps(["1001", "1002", "5001"], nothing)) == []


def test_numbers_that_do_not_follow_one_another_have_no_gaps() -> None:
    """Where every other number is missing, they are no series."""
    assert list(gaps([str(number) for number in range(1000, 1100, 2)], nothing)) == []


def test_a_number_that_comes_twice_stands_where_it_came_first() -> None:
    """Its other row is told of by a finding of its own."""
    assert list(gaps(["1003", "1001", "1003"], nothing)) == [Gap("1003", ["1002"], 0)]


@given(st.sets(st.integers(1, 300), min_size=2, max_size=40), st.randoms())
def test_gaps_are_those_that_are_counted_one_by_one(numbers: set[int], random: Random) -> None:
    """Missing is every number from the one before on, where that is near and few are missing."""
    shuffled = random.sample(sorted(numbers), len(numbers))
    expected = [
        Gap(str(other), [str(number) for number in range(one + 1, other)], shuffled.index(other))
        for one, other in pairwise(sorted(numbers))
        if 1 < other - one <= 50
    ]
    few = len(expected) <= max(2, 0.1 * len(numbers))
    assert list(gaps(map(str, shuffled), nothing)) == (expected if few else [])


@given(st.integers(1, 10**9), st.integers(2, 60))
def test_an_unbroken_series_has_no_gap(first: int, count: int) -> None:
    """Whatever its order."""
    numbers = [str(number) for number in range(first, first + count)]
    assert list(gaps(reversed(numbers), nothing)) == []


@given(st.lists(st.text(max_size=12), max_size=30))
def test_any_texts_may_be_bill_numbers(numbers: list[str]) -> None:
    """No gap ever names a number that is there."""
    for gap in gaps(numbers, nothing):
        assert gap.at == numbers.index(gap.billnum)
        assert not set(gap.missing) & set(numbers)


def test_the_month_that_nearly_all_are_of() -> None:
    """Nine in ten, of at least five; else there is no usual month."""
    assert usual_month({"2026-10": 9, "2026-01": 1}) == "2026-10"
    assert usual_month({"2026-10": 8, "2026-01": 2}) is None
    assert usual_month({"2026-10": 4}) is None
    assert usual_month({}) is None
