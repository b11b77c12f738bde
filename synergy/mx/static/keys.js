// Keys for the whole dashboard: ? lists them, / searches, g goes, j and k move, x selects.
'use strict';
(() => {
  const GO = { o: '/', h: '/t/', e: '/forecast', r: '/runs', q: '/requests', f: '/freeruns', w: '/boxes', p: '/processes', d: '/dead', l: '/alerts', a: '/audit' };
  const KEYS = [
    ['?', 'these keys'], ['/', 'search'],
    ['g then o h e r q f w p d l a', 'overview, heat map, what is expected, runs, requests, free runs, workers, processes, dead letters, alerts, audit'],
    ['j k', 'next, previous row'], ['Enter', 'open the row'],
    ['← ↑ ↓ →', 'move in a heat map, along a strip'], ['x, Shift + arrows, drag', 'select a cell, a range'],
    ['Backspace', 'zoom out'], ['r s', 'reprocess, skip what is selected, or the row'], ['.', 'why'], ['Esc', 'let go'],
  ];
  document.documentElement.classList.add('hears-keys');
  let isGoing = false;
  let row = -1;

  function sheet() {
    let dialog = document.querySelector('dialog.keys-sheet');
    if (!dialog) {
      dialog = document.createElement('dialog');
      dialog.className = 'keys-sheet';
      dialog.setAttribute('aria-label', 'Keys');
      const title = document.createElement('h2');
      title.textContent = 'Keys';
      const list = document.createElement('dl');
      for (const [key, text] of KEYS) {
        const term = document.createElement('dt');
        const mark = document.createElement('kbd');
        mark.textContent = key;
        term.append(mark);
        const said = document.createElement('dd');
        said.textContent = text;
        list.append(term, said);
      }
      dialog.append(title, list);
      document.body.append(dialog);
      dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    }
    if (dialog.open) { dialog.close(); } else { dialog.showModal(); }
  }

  function step(by) {
    const rows = [...document.querySelectorAll('main .tbl tbody tr, main .att')].filter((item) => item.querySelector('a'));
    if (!rows.length) return;
    row = Math.min(Math.max(row + by, 0), rows.length - 1);
    for (const item of document.querySelectorAll('.is-row')) item.classList.remove('is-row');
    rows[row].classList.add('is-row');
    leadOf(rows[row]).focus();
    rows[row].scrollIntoView({ block: 'nearest' });
  }

  const leadOf = (item) => item.querySelector('th a, td a, .l1 a');

  // The interval that the row is about: [process, timeperiod]; null where it is about none.
  function intervalOf(item) {
    const parts = item && leadOf(item) ? new URL(leadOf(item).href).pathname.split('/') : [];
    return parts.length === 4 && parts[1] === 'i' ? parts.slice(2) : null;
  }

  function act(key) {
    const chosen = document.querySelector('.is-row');
    // A row that is about many of one kind: one of them tells why, and all run again.
    const kind = chosen && { '.': chosen.dataset.why, r: chosen.dataset.again }[key];
    if (kind) { location.assign(key === '.' ? `${kind}#r-why` : kind); return true; }
    const found = intervalOf(chosen);
    if (!found) return false;
    const [process, timeperiod] = found;
    if (key === '.') { location.assign(`/i/${process}/${timeperiod}#r-why`); }
    else { location.assign(`/change/${key === 'r' ? 'reprocess' : 'skip'}?process=${process}&first=${timeperiod}`); }
    return true;
  }

  // A strip is one stop of Tab, its newest cell; arrows lead on from there. Without this script each
  // cell is a stop.
  function rove(chosen) {
    for (const cell of chosen.parentElement.querySelectorAll('a.c')) cell.tabIndex = cell === chosen ? 0 : -1;
  }

  function roveAll() {
    for (const strip of document.querySelectorAll('.strip')) {
      const cells = strip.querySelectorAll('a.c');
      if (!strip.querySelector('a.c[tabindex="0"]') && cells.length) rove([...cells].find((cell) => cell === document.activeElement) || cells[cells.length - 1]);
    }
  }

  function along(cell, key) {
    const cells = [...cell.parentElement.querySelectorAll('a.c')];
    const at = cells.indexOf(cell);
    const to = { ArrowLeft: Math.max(at - 1, 0), ArrowRight: Math.min(at + 1, cells.length - 1), Home: 0, End: cells.length - 1 }[key];
    if (to === undefined) return false;
    rove(cells[to]);
    cells[to].focus();
    return true;
  }

  document.addEventListener('focusin', (event) => { if (event.target.matches('.strip a.c')) rove(event.target); });
  document.addEventListener('mx:swapped', roveAll);
  roveAll();

  // A search is completed word by word: what stands before the last word is kept, and nothing is
  // offered twice.
  const offers = document.getElementById('q-list');
  const words = offers ? [...offers.options].map((option) => option.value) : [];
  const keyOf = (word) => (word.includes(':') ? word.slice(0, word.indexOf(':')) : 'process');
  let head = '';

  function offer(field) {
    const before = field.value.slice(0, field.value.lastIndexOf(' ') + 1);
    if (before === head) return;
    head = before;
    const used = new Set(before.trim().split(/\s+/).map(keyOf));
    const fitting = before.trim() ? words.filter((word) => !word.includes(' ') && !used.has(keyOf(word))) : words;
    offers.replaceChildren(...fitting.map((word) => { const option = document.createElement('option'); option.value = before + word; return option; }));
  }

  if (offers) for (const kind of ['input', 'focusin']) document.addEventListener(kind, (event) => { if (event.target.list === offers) offer(event.target); });

  // On a phone the list of pages scrolls sideways; show where we are.
  const here = document.querySelector('.nav [aria-current]');
  if (here && here.parentElement.scrollWidth > here.parentElement.clientWidth) here.parentElement.scrollLeft = here.offsetLeft - 40;

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.matches('input, textarea, select')) {
      if (event.key === 'Escape') event.target.blur();
      return;
    }
    if (isGoing) {
      isGoing = false;
      if (GO[event.key]) { event.preventDefault(); location.assign(GO[event.key]); }
      return;
    }
    const cell = event.target.closest('.strip a.c');
    if (cell && along(cell, event.key)) { event.preventDefault(); return; }
    const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
    if (event.key === '?') { sheet(); }
    else if (event.key === '/') { document.getElementById('q')?.focus(); }
    else if (event.key === 'g') { isGoing = true; setTimeout(() => { isGoing = false; }, 1500); }
    else if (event.key === 'j') { step(1); }
    else if (event.key === 'k') { step(-1); }
    else if (event.key === '.' && document.getElementById('r-why')) { document.getElementById('r-why').scrollIntoView(); }
    else if (link) { location.assign(link.href); }
    else if (!['r', 's', '.'].includes(event.key) || !act(event.key)) { return; }
    event.preventDefault();
  });
})();
