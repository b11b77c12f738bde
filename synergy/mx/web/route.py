"""One line of the table of routes, and how an address finds its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.wrappers import Response

from synergy.core.structs import Struct
from synergy.core.users import Role


class Parameter(Struct, frozen=True):
    """A value that an address of the API takes. schema: its JSON schema.

    is_repeated: it may be given more than once.
    """

    name: str
    text: str
    schema: str = 'string'
    choices: tuple[str, ...] = ()
    is_repeated: bool = False


class Route(Struct, frozen=True, kw_only=True):
    """An address, a method, and who answers. role: None is for everybody.

    endpoint: the name by which pages and programs refer to it, whatever its view is called.
    section: the address of the entry of the navigation under which the page is.
    needs_reason: whether it is not done without a reason, or for which values of `action` not.

    is_scraped: for programs that know no form: nobody is led to the login, and whoever asks from
    one of `mx_metrics_networks` needs no role.
    is_shared: live tabs of one role may all get one rendering of it; see
    `synergy.mx.web.page_cache`.
    parameters, fields, required: of the API alone: what the address and the JSON body take.
    actions: values of the address's `action`.
    has_past: it shows any past instant, too (`synergy.mx.web.past`). has_own_at: its `at` means
    something else.
    is_list: the answer is a page of a list. is_stream: it goes on, as server-sent events. answer:
    the shape, a TypedDict, of the JSON answer, or of one item of the list. total: of one item of
    `totals`, what a list says of all its pages together. status_bad: of the same answer when it is
    bad news.
    """

    endpoint: str
    rule: str
    method: str
    role: Role | None
    view: Callable[..., Response]
    needs_store: bool = True
    is_api: bool = False
    is_shared: bool = False
    is_scraped: bool = False
    parameters: tuple[Parameter, ...] = ()
    fields: tuple[Parameter, ...] = ()
    required: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    needs_reason: bool | tuple[str, ...] = False
    section: str | None = None
    has_past: bool = False
    has_own_at: bool = False
    is_list: bool = False
    is_stream: bool = False
    answer: type[Any] | None = None
    total: type[Any] | None = None
    status: int = 200
    status_bad: int | None = None

    def is_reason_needed(self, values: Mapping[str, str]) -> bool:
        """Tell whether it is not done without a reason. values: those in the address."""
        if isinstance(self.needs_reason, bool):
            return self.needs_reason
        return values.get('action') in self.needs_reason


class RouteRule(Rule):
    """What Werkzeug matches; it leads back to its route."""

    def __init__(self, route: Route) -> None:
        """Match the address and the method of a route."""
        super().__init__(route.rule, endpoint=route.endpoint, methods=[route.method])
        self.route = route


def map_of(routes: Iterable[Route]) -> Map:
    """Return the addresses of routes."""
    return Map([RouteRule(route) for route in routes])


def match(
    urls: MapAdapter, path: str | None = None, method: str | None = None
) -> tuple[Route, Mapping[str, str]]:
    """Return the route of an address and the values in it; that of the request by default.

    Raises what Werkzeug raises where there is none.
    """
    rule, values = urls.match(path, method, return_rule=True)
    assert isinstance(rule, RouteRule)
    return rule.route, values


def routes_in(urls: MapAdapter) -> Iterator[Route]:
    """Return all routes, in the order of the table."""
    for rule in urls.map.iter_rules():
        assert isinstance(rule, RouteRule)
        yield rule.route
