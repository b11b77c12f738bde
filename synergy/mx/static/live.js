// Keeps a page up to date: cells at once, regions (data-live) by reading the page anew when told to.
// Pauses while the tab is hidden or somebody types; without this script every page still works.
'use strict';
(() => {
  const status = document.querySelector('[data-status]');
  const word = document.querySelector('[data-status-word]');
  let isStale = false;
  let timer = null;
  let source = null;

  function show(state, text) {
    if (!status) return;
    status.classList.toggle('is-off', state === 'off');
    status.classList.toggle('is-paused', state === 'paused');
    word.textContent = text;
  }

  // Somebody has begun something that a swap would take away: a menu, a text. What is selected in a
  // heat map stands in the address, so a page read anew has it, too.
  function isAtWork() {
    const at = document.activeElement;
    return Boolean(document.querySelector('dialog[open], [data-live] details[open]'))
      || Boolean(at && at.closest('[data-live]') && at.matches('input, textarea, select'))
      || [...document.querySelectorAll('[data-live] input, [data-live] textarea')].some((field) => field.value !== field.defaultValue);
  }

  function isBusy() {
    const isWorking = isAtWork();
    if (source && source.readyState === EventSource.OPEN) {
      if (isWorking) show('paused', 'Paused while you work, as of'); else show('on', 'Live');
    }
    return document.hidden || isWorking;
  }

  function localise() {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || zone === 'UTC') return;
    for (const at of document.querySelectorAll('time[data-local]')) {
      at.textContent = `${format.format(new Date(at.dataset.local))} – ${format.format(new Date(at.dataset.until))} ${zone}`;
    }
  }

  function swap(fresh) {
    for (const region of document.querySelectorAll('[data-live]')) {
      const other = fresh.getElementById(region.id);
      if (!other || other.innerHTML === region.innerHTML) continue;
      const focused = document.activeElement;
      const name = focused && region.contains(focused)
        ? focused.getAttribute('data-k') || focused.getAttribute('href') || focused.getAttribute('aria-label')
        : null;
      const isAtEnd = region.scrollHeight - region.scrollTop - region.clientHeight < 8;
      region.replaceChildren(...other.childNodes);
      if (name) {
        const again = region.querySelector(
          `[data-k="${CSS.escape(name)}"], [href="${CSS.escape(name)}"], [aria-label="${CSS.escape(name)}"]`);
        if (again) again.focus({ preventScroll: true });
      }
      if (isAtEnd) region.scrollTop = region.scrollHeight;
      region.dispatchEvent(new CustomEvent('mx:swapped', { bubbles: true }));
    }
    const clock = fresh.querySelector('[data-status] time');
    const shown = document.querySelector('[data-status] time');
    if (clock && shown) shown.textContent = clock.textContent;
  }

  async function read() {
    timer = null;
    if (isBusy()) { isStale = true; return; }
    isStale = false;
    try {
      const answer = await fetch(location.href, { headers: { 'X-Live': '1' }, credentials: 'same-origin' });
      if (answer.status === 401) { location.reload(); return; }
      const text = await answer.text();
      if (isBusy()) { isStale = true; return; }
      if (answer.ok) swap(new DOMParser().parseFromString(text, 'text/html'));
    } catch { show('off', 'Disconnected, as of'); }
  }

  // All tabs are told at the same time; a little apart, they do not wait for each other.
  function readSoon(apart = 0.4) {
    if (timer === null) timer = setTimeout(read, Math.random() * apart * 1000);
  }

  function paint(cells) {
    for (const [name, css, state] of cells) {
      for (const link of document.querySelectorAll(`[data-k="${CSS.escape(name)}"]`)) {
        const cell = link.closest('td.c') || link;
        cell.classList.remove('ok', 'run', 'final', 'block', 'fail', 'skip', 'noop', 'due', 'corner');
        cell.classList.add(css, 'is-new');
        setTimeout(() => cell.classList.remove('is-new'), 1300);
        const label = `${name.replace('@', ' ')}, ${state}`;
        link.setAttribute('aria-label', label);
        link.title = label;
        const use = link.querySelector('use');
        if (use) use.setAttribute('href', `#${css}`);
      }
    }
  }

  function connect() {
    if (source || document.hidden || !document.querySelector('[data-live]')) return;
    source = new EventSource('/events');
    source.addEventListener('hello', () => { show('on', 'Live'); });
    source.addEventListener('jobs', (event) => { paint(JSON.parse(event.data)); });
    source.addEventListener('read', (event) => { readSoon(JSON.parse(event.data).apart); });
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) {
        show('off', 'Not live (too many viewers, or logged out), as of');
        source = null;
      } else { show('off', 'Connecting again, as of'); }
    };
  }

  function pause() {
    if (source) { source.close(); source = null; }
    show('paused', 'Paused, as of');
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) { pause(); } else { connect(); read(); }
  });
  window.addEventListener('pagehide', pause);
  for (const region of document.querySelectorAll('[data-poll]')) {
    setInterval(() => { if (!isBusy()) readSoon(); }, Number(region.dataset.poll) * 1000);
  }
  // What was put off goes on when the menu is closed or the text is taken back.
  for (const kind of ['toggle', 'focusout', 'change']) {
    document.addEventListener(kind, () => { if (isStale && !isAtWork()) readSoon(); }, true);
  }
  localise();
  document.addEventListener('mx:swapped', localise);
  connect();
})();
