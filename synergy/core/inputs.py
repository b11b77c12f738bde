"""What an interval waits for, and the exact inverse: which intervals a finished one may release.

An input maps each interval of a process to a range of another one's. Both ends of that range only
ever move forward from one interval to the next, so the intervals whose range meets a given one are
a range themselves, found by looking for its two ends; what is asked most is computed.
"""

from __future__ import annotations

from collections.abc import Callable

from synergy.core.calendar import enclosing, lying_in
from synergy.core.grouping import covered, group_end
from synergy.core.node import Input, InputKind, Node
from synergy.core.timeperiod import Qualifier, Timeperiod


def input_range(node: Node, source: Input, other: Node, ordinal: int) -> range:
    """Return the ordinals of `other` that the job (`node`, `ordinal`) waits for.

    other: the node of `source.process`. Only intervals that exist or will exist are in it: what
    lies outside the other tree's span is nothing to wait for.
    """
    grouping = node.process.grouping
    if grouping == 1:
        span = range(ordinal, ordinal + 1)
    elif not (span := work_of(node, ordinal)):
        return span
    return other.clip(_waited_for(node, source, other, span))


def affected(node: Node, source: Input, other: Node, ordinals: range) -> range:
    """Return the ordinals of `node` whose inputs overlap `ordinals` of `other`.

    ordinals: not empty. For a whole run of intervals together.
    """
    if source.kind is not InputKind.CHILDREN and other.process.grouping > 1:
        # A member of a group has no work of its own: those who wait for it wait for its end.
        ordinals = range(
            end_of_group(other, ordinals.start), end_of_group(other, ordinals.stop - 1) + 1
        )
    if source.offset or source.last is not None or node.calendar is not other.calendar:
        found = _searched(node, source, other, ordinals)
    elif node.process.qualifier is other.process.qualifier and other.process.grouping == 1:
        found = ordinals
    elif source.kind is InputKind.CHILDREN:
        found = range(
            _enclosing(node, other, ordinals.start), _enclosing(node, other, ordinals.stop - 1) + 1
        )
    else:
        found = _searched(node, source, other, ordinals)
    if not found:
        return found
    return node.clip(groups_between(node, found))


def work_of(node: Node, ordinal: int) -> range:
    """Return the ordinals whose work this job does; empty when its group ends later."""
    timeperiod = Timeperiod(node.process.qualifier, ordinal)
    return node.clip(covered(node.calendar, node.process.grouping, timeperiod))


def end_of_group(node: Node, ordinal: int) -> int:
    """Return the ordinal of the interval whose job does the work of this one."""
    timeperiod = Timeperiod(node.process.qualifier, ordinal)
    return group_end(node.calendar, node.process.grouping, timeperiod).ordinal


def groups_between(node: Node, ordinals: range) -> range:
    """Return the ordinals from the end of the first group in a run of intervals to the last."""
    return range(end_of_group(node, ordinals.start), end_of_group(node, ordinals.stop - 1) + 1)


def lying_within(node: Node, other: Node, span: range) -> range:
    """Return the ordinals of a finer `other` that lie in a run of intervals of `node`."""
    qualifier = node.process.qualifier
    first = _in(node, other, Timeperiod(qualifier, span.start))
    if len(span) == 1:
        return first
    return range(first.start, _in(node, other, Timeperiod(qualifier, span.stop - 1)).stop)


def _waited_for(node: Node, source: Input, other: Node, span: range) -> range:
    """Return the ordinals of `other` that a job waits for that does the work of `span`."""
    if source.offset:
        span = _shifted(node, span, source.offset)
    own, level = node.process.qualifier, other.process.qualifier
    if own is level:
        found = span
    elif own.measure < level.measure or own.holds(level):
        found = lying_within(node, other, span)
    else:
        found = range(
            _enclosing(other, node, span.start), _enclosing(other, node, span.stop - 1) + 1
        )
    if source.last is not None:
        found = range(found.stop - source.last, found.stop)
    if source.kind is not InputKind.CHILDREN and other.process.grouping > 1 and found:
        found = groups_between(other, found)
    return found


def _shifted(node: Node, span: range, count: int) -> range:
    """Return what `span` is so many places away; days of a working calendar count working days."""
    working = node.process.working
    if working is None or node.process.qualifier is not Qualifier.DAILY:
        return range(span.start + count, span.stop + count)
    return range(working.shifted(span.start, count), working.shifted(span.stop - 1, count) + 1)


def _searched(node: Node, source: Input, other: Node, ordinals: range) -> range:
    """Return the intervals of `node` whose range meets `ordinals`, by looking for both ends."""

    def waited_for(ordinal: int) -> range:
        end = end_of_group(node, ordinal)
        span = covered(
            node.calendar, node.process.grouping, Timeperiod(node.process.qualifier, end)
        )
        return _waited_for(node, source, other, span)

    begins = other.calendar.start(Timeperiod(other.process.qualifier, ordinals.start))
    guess = node.calendar.containing(node.process.qualifier, begins).ordinal - source.offset
    first = _first_from(guess, lambda ordinal: waited_for(ordinal).stop > ordinals.start)
    behind = _first_from(first, lambda ordinal: waited_for(ordinal).start >= ordinals.stop)
    return range(first, max(first, behind))


def _first_from(guess: int, holds: Callable[[int], bool]) -> int:
    """Return the first number for which something holds that holds for all after it, too."""
    step = 1
    if holds(guess):
        high, low = guess, guess - 1
        while holds(low):
            high, step = low, step * 2
            low -= step
    else:
        low, high = guess, guess + 1
        while not holds(high):
            low, step = high, step * 2
            high += step
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def _in(node: Node, other: Node, timeperiod: Timeperiod) -> range:
    return lying_in(node.calendar, timeperiod, other.calendar, other.process.qualifier)


def _enclosing(node: Node, finer: Node, ordinal: int) -> int:
    """Return the ordinal of the interval of `node` in which one of `finer` begins."""
    timeperiod = Timeperiod(finer.process.qualifier, ordinal)
    return enclosing(finer.calendar, timeperiod, node.calendar, node.process.qualifier).ordinal
