"""The regression gate: ratios measured now, beside those recorded."""

from __future__ import annotations

from bench.ratios import Ratio, measure, recorded

#: A neighbour on the machine can spoil one measurement; a regression spoils all of them.
TRIES = 3


def test_no_ratio_is_much_worse_than_recorded() -> None:
    before = recorded()
    worse = dict.fromkeys(before, 'never measured')

    for attempt in range(TRIES):
        # Once not worse is enough: only what was worse is measured again.
        for ratio in measure(set(worse) if attempt else None):
            if ratio.is_worse_than(before[ratio.name]):
                worse[ratio.name] = f'{ratio.value:.2f}, recorded {before[ratio.name]:.2f}'
            else:
                del worse[ratio.name]
        if not worse:
            break

    assert worse == {}


def test_worse_means_the_right_direction() -> None:
    share = Ratio(name='share', value=0.2, is_more_better=True)
    growth = Ratio(name='growth', value=3.0, is_more_better=False)

    assert share.is_worse_than(0.5)
    assert not share.is_worse_than(0.39)
    assert growth.is_worse_than(1.4)
    assert not growth.is_worse_than(1.6)
