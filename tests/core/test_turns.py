"""Taking turns: nothing is lost, owners keep their order, and nobody waits for more than a turn."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.turns import by_turns

OWNERS = st.lists(st.sampled_from('abcd'), max_size=30)


def test_the_one_of_another_comes_second() -> None:
    assert by_turns(['a1', 'a2', 'a3', 'b1'], lambda item: item[0]) == ['a1', 'b1', 'a2', 'a3']


@given(OWNERS)
@settings(max_examples=100, deadline=None)
def test_before_the_nth_of_an_owner_come_at_most_n_of_each_other(owners: list[str]) -> None:
    items = list(enumerate(owners))

    found = by_turns(items, lambda item: item[1])

    assert sorted(found) == items
    before: Counter[str] = Counter()
    for owner in set(owners):
        assert [item for item in found if item[1] == owner] == [
            item for item in items if item[1] == owner
        ]
    for _, owner in found:
        before[owner] += 1
        assert all(count <= before[owner] for count in before.values())
