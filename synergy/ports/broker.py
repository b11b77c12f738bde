"""Port: the doorbell. A message carries only ids; losing one costs time, never an interval.

Methods may raise BrokerUnavailable (may pass; a publish was maybe done: ring again) and
BrokerUnusable (will not). Delivery is at least once and in no promised order. A broker object and
its consumers belong to one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from synergy.core.records import Route
from synergy.core.structs import Struct

#: Where workers report units and operators ring for commands: the Scheduler's inbox.
REPORT_ROUTE: Final = Route(exchange='ex_utils', routing='q_uow_status', queue='q_uow_status')


#: Waits until what was handed over is durable; again and again, with the same outcome.
Confirmation: TypeAlias = Callable[[], None]


class Message(Struct, frozen=True):
    """A bell to ring: where, and the id it carries, as in `{'uow': '51f3...'}`.

    Of several units see `ports.message`.
    """

    route: Route
    body: Mapping[str, str]


class Delivery(Struct, frozen=True):
    """A message taken and not yet acknowledged. tag: the consumer's own mark for it."""

    tag: int
    body: Mapping[str, str]
    is_redelivered: bool = False


class QueueState(Struct, frozen=True):
    """How a queue stands. depth: messages in it. reader_count: consumers that listen just now."""

    queue: str
    depth: int
    reader_count: int


class DeadLetter(Struct, frozen=True):
    """A message that could not be understood. reason: why; None when nobody wrote it down."""

    text: str
    reason: str | None


class Consumer(Protocol):
    """One reader of one queue."""

    def take(self, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` messages, oldest first, without waiting; they stay held until acked.

        One who holds `limit` messages may get no more before acking some. Messages that another
        consumer held when it died or closed are among them. A message that `ports.message` cannot
        read is moved aside to the queue `<queue>.dead` with the reason, logged, and never
        delivered again; it costs nothing else.
        """
        ...

    def wait(self, seconds: float) -> bool:
        """Sleep until something may be there to take, at most `seconds`; tell whether it may.

        Wakes within 10 ms of a publish. Never misses one that came between `take` and `wait`. May
        wake for nothing.
        """
        ...

    def wake(self) -> None:
        """Make a `wait` in progress, or the next one, return.

        Callable from a signal handler or any thread.
        """
        ...

    def ack(self, deliveries: Collection[Delivery]) -> None:
        """Forget messages for good; ones already acked or redelivered elsewhere are ignored."""
        ...

    def put_aside(self, delivery: Delivery, reason: str) -> None:
        """Move a message that is held, but cannot be handled, to `<queue>.dead`, for good.

        One that is not held any more is left to whoever has it.
        """
        ...

    def close(self) -> None:
        """Stop reading; what is held and not acked goes to others. Safe to call twice."""
        ...


class Broker(Protocol):
    """Publisher and maker of consumers."""

    def declare(self, routes: Collection[Route]) -> None:
        """Make sure that the queues exist, so that nothing published is lost. Repeatable."""
        ...

    def publish(self, messages: Sequence[Message]) -> None:
        """Hand messages over; when it returns, they are durable. One batch, one confirmation."""
        ...

    def begin(self, messages: Sequence[Message]) -> Confirmation:
        """Begin to publish; to call what is returned is to wait until they are durable.

        That raises what `publish` raises. Whoever publishes anything else waits for this first.
        """
        ...

    def consumer(self, route: Route) -> Consumer:
        """Start reading a queue; it is declared if need be."""
        ...

    def depth_by_queue(self) -> Mapping[str, int]:
        """Return the number of messages in each queue that was declared here.

        Held ones are among them where the broker tells; RabbitMQ does not.
        """
        ...

    def purge(self, queue: str) -> int:
        """Drop all messages of a queue that nobody holds; return how many."""
        ...

    def close(self) -> None:
        """Release everything held, consumers included; safe to call twice."""
        ...


class BrokerAdmin(Broker, Protocol):
    """A broker as an operator sees it."""

    def queue_states(self, routes: Collection[Route]) -> Sequence[QueueState]:
        """Return how the queues of routes, and those of their dead letters, stand.

        A queue that does not exist is left out.
        """
        ...

    def dead_letters(self, queue: str, limit: int) -> Sequence[DeadLetter]:
        """Return messages of `queue` that were moved aside, oldest first; they stay there."""
        ...

    def delete(self, queue: str) -> int:
        """Remove a queue with what is in it, and return how much; 0 when there is no such queue.

        It is declared again by whoever uses it next.
        """
        ...
