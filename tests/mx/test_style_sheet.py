"""The style sheet: what colours owe to those who see them badly."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

SHEET = files('synergy.mx').joinpath('static/mx.css').read_text()
GROUNDS = ('--bg', '--raise', '--sink')
THEMES = {
    'light': r':root \{(.*?)\n\}',
    'dark by the system': r':root:not\(\[data-theme="light"\]\) \{(.*?)\n  \}',
    'dark': r':root\[data-theme="dark"\] \{(.*?)\n\}',
}


def colours(theme: str) -> dict[str, str]:
    block = re.search(THEMES[theme], SHEET, re.DOTALL)
    assert block is not None, f'the style sheet has no block for {theme}'
    return dict(re.findall(r'(--[\w-]+):\s*(#[0-9a-f]{6});', block[1]))


def luminance(colour: str) -> float:
    """Return it from 0 to 1. Source: WCAG 2.2, relative luminance."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return it from 1 to 21. Source: WCAG 2.2, contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_two_dark_blocks_are_equal() -> None:
    assert colours('dark') == colours('dark by the system')


@pytest.mark.parametrize('theme', THEMES)
def test_an_outline_that_is_all_of_a_state_is_seen_on_every_ground(theme: str) -> None:
    found = colours(theme)

    assert min(contrast(found['--due-line'], found[ground]) for ground in GROUNDS) >= 3.0


@pytest.mark.parametrize('theme', THEMES)
def test_the_hatching_of_what_is_left_out_is_seen(theme: str) -> None:
    found = colours(theme)
    hatching = re.search(
        r'\.c\.out[^{]*\{ background: repeating-linear-gradient\(([^;]*)\);', SHEET
    )
    assert hatching is not None
    stripe, ground = re.findall(r'var\((--[\w-]+)\)', hatching[1])

    assert contrast(found[stripe], found[ground]) >= 3.0
