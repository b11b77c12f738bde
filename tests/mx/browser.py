"""A browser in front of a dashboard: Debian's Chromium, driven by Playwright, and a real server.

Nothing is fetched from anywhere: `Browser.page` refuses requests to other origins and keeps their
addresses, and `errors` keeps what scripts complained about, and what the Content-Security-Policy
refused, so that a test can look at both.
"""

from __future__ import annotations

import shutil
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from threading import Thread
from typing import Any, Final

import axe_playwright_python
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from synergy.mx.app import App
from synergy.mx.main import server_of
from tests.mx.serving import in_loop

_FOLDERS: Final = '/usr/bin:/usr/local/bin'
#: Without windows, tabs and extensions it takes half the time of what the browser itself does.
CHROMIUM = shutil.which('chromium-headless-shell', path=_FOLDERS) or shutil.which(
    'chromium', path=_FOLDERS
)
FLAGS = (
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)
WIDE, NARROW = (1440, 900), (390, 844)
#: The axe-core that axe-playwright-python brings.
AXE = Path(axe_playwright_python.__file__).parent / 'axe.min.js'
PATIENCE_MS = 60_000
# What a busy machine has not drawn within five seconds is late, not wrong.
expect.set_options(timeout=PATIENCE_MS)


class Server:
    """A dashboard on a port of this machine, as `synergy.mx.main` serves it."""

    def __init__(self, app: App, port: int = 0) -> None:
        """Listen and serve in a thread until `close`."""
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(('127.0.0.1', port))
        self.port = int(self._listening.getsockname()[1])
        self.address = f'http://127.0.0.1:{self.port}'
        self._app = app
        with warnings.catch_warnings():
            # As in synergy.mx.main: small frames must not wait; there is no other way to say it.
            warnings.filterwarnings('ignore', 'send_bytes', DeprecationWarning)
            self._server: Any = server_of(app, self._listening)
        self._thread = Thread(target=self._server.run, name='waitress', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the streams, and the server."""
        self._app.site.feed.stop()
        self._server.task_dispatcher.shutdown()
        in_loop(self._server, self._close_sockets)
        self._thread.join(5)
        self._listening.close()

    def _close_sockets(self) -> None:
        # Waitress ends its loop, which calls this, when its map of sockets is empty; a connection
        # that a browser keeps would never be answered again.
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._server.close()


class Browser:
    """One Chromium; each `page` has a context (cookies) of its own."""

    def __init__(self, chromium: Chromium) -> None:
        """Keep the running browser."""
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self.outside: list[str] = []
        self.errors: list[str] = []

    def page(self, address: str, size: tuple[int, int] = WIDE, **options: Any) -> Page:
        """Return a new tab whose addresses are relative to `address`."""
        context = self._chromium.new_context(
            base_url=address,
            viewport={'width': size[0], 'height': size[1]},
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        found = context.new_page()

        def on_request(request: Request) -> None:
            if not request.url.startswith((address, 'data:')):
                self.outside.append(request.url)

        found.on('request', on_request)

        def on_console(message: ConsoleMessage) -> None:
            if 'Content Security Policy' in message.text:
                self.errors.append(message.text)

        found.on('console', on_console)
        found.on('pageerror', lambda error: self.errors.append(str(error)))
        return found

    def close_pages(self) -> None:
        """Close every tab."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium; a machine without it fails, it does not skip."""
    assert CHROMIUM is not None, 'no chromium; ./launch.py test installs it where it may (apt-get)'
    with sync_playwright() as playwright:
        yield from _launched(playwright)


def _launched(playwright: Playwright) -> Iterator[Browser]:
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    found = Browser(chromium)
    try:
        yield found
    finally:
        found.close_pages()
        chromium.close()


class Rules(Enum):
    """Which rules of axe-core are applied. CONTRAST is the only one that a theme can change."""

    ALL = '{}'
    CONTRAST = '{runOnly: ["color-contrast"]}'
    ALL_BUT_CONTRAST = '{rules: {"color-contrast": {enabled: false}}}'


#: Contrast is computed element by element; of longer pages it is that of each sort of element.
_ELEMENTS_MAX: Final = 1000
#: Of elements that look alike in alike surroundings, the first; fields for input all.
_ONE_OF_EACH_SORT: Final = """
(() => {
  const surroundings = new Map(), sorts = new Set(), found = [];
  const surroundingsOf = (element) => {
    if (!element) return '';
    if (!surroundings.has(element)) {
      const own = `${element.tagName}.${element.getAttribute('class')}.${element.title !== ''}`;
      const style = getComputedStyle(element);
      surroundings.set(element, [
        surroundingsOf(element.parentElement), own, style.color, style.backgroundColor,
        style.backgroundImage, style.opacity, style.fontSize, style.fontWeight,
      ].join());
    }
    return surroundings.get(element);
  };
  for (const element of document.body.querySelectorAll('*')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const isField = element.matches('input, select, textarea');
    if (!hasText && !isField) continue;
    const sort = `${surroundingsOf(element)} ${element.getClientRects().length > 0}`;
    if (isField || !sorts.has(sort)) found.push(element);
    sorts.add(sort);
  }
  return {include: found};
})()
"""


def findings(page: Page, rules: Rules = Rules.ALL) -> list[str]:
    """Return what axe-core finds serious or critical on a page."""
    if not page.evaluate('typeof axe === "object"'):
        page.evaluate(AXE.read_text())
    is_long = page.evaluate('document.body.querySelectorAll("*").length') > _ELEMENTS_MAX
    match rules:
        case Rules.ALL if is_long:
            return findings(page, Rules.ALL_BUT_CONTRAST) + findings(page, Rules.CONTRAST)
        case Rules.CONTRAST if is_long:
            looked_at = _ONE_OF_EACH_SORT
        case _:
            looked_at = 'document'
    found = page.evaluate(
        f'axe.run({looked_at}, {{resultTypes: ["violations"], ...{rules.value}}})'
        '.then((found) => found.violations)'
    )
    return [
        f'{item["id"]} ({item["impact"]}): {item["help"]}: '
        + ' | '.join(node['html'][:160] + ' ' + str(node['target']) for node in item['nodes'][:3])
        for item in found
        if item['impact'] in ('serious', 'critical')
    ]
