// Follows the feed: cells at once, regions (data-live) when told to, by reading the page again; htmx
// fetches them and idiomorph changes what differs, so that focus, scroll and typed text stay.
// Pauses while the tab is hidden or somebody types; without this script every page still works.
'use strict';
(() => {
  const status = document.querySelector('[data-status]');
  const word = document.querySelector('[data-status-word]');
  const FOCUSED = 'r-focused';
  const SVG = 'http://www.w3.org/2000/svg';
  const LOOKS = ['ok', 'run', 'final', 'block', 'fail', 'skip', 'noop', 'ready', 'due',
    'queue', 'retry', 'report', 'held', 'pause', 'off', 'rest', 'doom', 'part', 'out'];
  let isStale = false;
  let timer = null;
  let source = null;
  let hasTicks = false;

  function show(state, text) {
    if (!status) return;
    status.classList.toggle('is-off', state === 'off');
    status.classList.toggle('is-on', state === 'on');
    if (word.textContent !== text) word.textContent = text;
  }

  // Somebody has begun something that a swap would take away: a menu, a text. What is selected in a
  // heat map stands in the address, so a page read again has it, too.
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

  function read() {
    timer = null;
    if (!status) return;
    isStale = isBusy();
    if (isStale) return;
    const regions = [...document.querySelectorAll('[data-live]')].map((region) => `#${region.id}:morph`);
    // The status stands for the request: it hears below what becomes of it, and is not swapped.
    htmx.ajax('GET', location.pathname + location.search, {
      source: status, target: status, swap: 'none', selectOOB: regions.join(), headers: { 'X-Live': '1' },
    }).catch(() => { /* Said by the events below. */ });
  }

  // All tabs are told at the same time; a little apart, they do not wait for each other.
  function readSoon(apart = 0.4) {
    if (timer === null) timer = setTimeout(read, Math.random() * apart * 1000);
  }

  // What has the focus is found again by what it is about, not by its place: rows and cells move on.
  function follow(region, fresh) {
    const focused = document.activeElement;
    if (!focused || focused === region || focused.id || !region.contains(focused)) return;
    const [name, value] = ['data-k', 'href', 'aria-label'].map((item) => [item, focused.getAttribute(item)]).find(([, text]) => text) || [];
    const again = name && fresh.querySelector(`[${name}="${CSS.escape(value)}"]`);
    if (again && !again.id) { focused.id = FOCUSED; again.id = FOCUSED; }
  }

  function unfollow() {
    const focused = document.getElementById(FOCUSED);
    if (!focused) return;
    if (document.activeElement !== focused) focused.focus({ preventScroll: true });
    focused.removeAttribute('id');
  }

  document.addEventListener('htmx:oobBeforeSwap', (event) => {
    const { target, fragment } = event.detail;
    event.detail.shouldSwap = !target.isEqualNode(fragment.firstElementChild);
    if (event.detail.shouldSwap) follow(target, fragment);
  });
  document.addEventListener('htmx:oobAfterSwap', (event) => {
    if (!event.detail.shouldSwap) return;
    unfollow();
    event.detail.target.dispatchEvent(new CustomEvent('mx:swapped', { bubbles: true }));
  });
  if (status) {
    status.addEventListener('htmx:beforeSwap', (event) => {
      if (!event.detail.isError && isBusy()) { isStale = true; event.detail.shouldSwap = false; }
    });
    // A page may need ticks from now on, or none any more.
    status.addEventListener('htmx:afterSwap', () => { if (source && hasTicks !== wantsTicks()) { source.close(); source = null; connect(); } });
    status.addEventListener('htmx:responseError', (event) => {
      if (event.detail.xhr.status === 401) { location.reload(); }
      else { show('off', 'Not brought up to date, as of'); }
    });
    for (const kind of ['htmx:sendError', 'htmx:timeout']) status.addEventListener(kind, () => { show('off', 'Disconnected, as of'); });
  }

  // The glyph of a cell, or of the mark in a wide one.
  function draw(place, css) {
    if (place.matches('.mk')) { place.classList.remove(...LOOKS); place.classList.add(css); }
    place.querySelector('svg:not(.pf)')?.remove();
    if (css === 'due' || css === 'out') return;
    const glyph = document.createElementNS(SVG, 'svg');
    glyph.setAttribute('aria-hidden', 'true');
    glyph.append(document.createElementNS(SVG, 'use'));
    glyph.firstChild.setAttribute('href', `#${css}`);
    place.prepend(glyph);
  }

  function paint(cells) {
    for (const [name, css, state] of cells) {
      for (const link of document.querySelectorAll(`[data-k="${CSS.escape(name)}"]`)) {
        const cell = link.closest('td.c') || link;
        cell.classList.remove(...LOOKS, 'corner');
        cell.classList.add(css, 'is-new');
        setTimeout(() => cell.classList.remove('is-new'), 1300);
        // What the clock of its zone reads stays, in parentheses.
        const [, read] = /^[^,(]*(\([^)]*\))/.exec(link.title) || [];
        const label = `${name.replace('@', ' ')}${read ? ` ${read}` : ''}, ${state}`;
        link.setAttribute('aria-label', label);
        link.title = label;
        draw(link.querySelector('.mk') || link, css);
      }
    }
  }

  const wantsTicks = () => Boolean(document.querySelector('[data-tick]'));

  function connect() {
    if (source || document.hidden || !status || !document.querySelector('[data-live]')) return;
    hasTicks = wantsTicks();
    source = new EventSource(hasTicks ? '/events?ticks=on' : '/events');
    source.addEventListener('hello', () => { show('on', 'Live'); });
    source.addEventListener('jobs', (event) => { paint(JSON.parse(event.data)); });
    for (const kind of ['read', 'tick']) source.addEventListener(kind, (event) => { readSoon(JSON.parse(event.data).apart); });
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
  // What was put off goes on when the menu is closed or the text is taken back.
  for (const kind of ['toggle', 'focusout', 'change']) {
    document.addEventListener(kind, () => { if (isStale && !isAtWork()) readSoon(); }, true);
  }
  localise();
  document.addEventListener('mx:swapped', localise);
  connect();
})();
