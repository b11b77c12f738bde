// Heat maps: arrows move, Shift or a drag selects a range of one process, r and s act on it.
// The address holds the range, so that a reload, a colleague and the way back find it again.
'use strict';
(() => {
  const map = document.getElementById('r-map');
  const bulk = document.getElementById('bulk');
  if (!map) return;
  const clearing = document.querySelector('[data-clear]');
  let anchor = null;
  let isDragging = false;
  let wasDragged = false;
  let telling = null;
  const summary = document.getElementById('r-cell');

  // What a look goes to where nothing has failed: what is under way, or waits for something.
  const UNDER_WAY = '.block, .run, .final, .queue, .retry, .report, .rest, .pause, .off';

  const links = () => [...map.querySelectorAll('td.c a')];
  const bodyRows = () => [...map.tBodies[0].rows].map((row) => [...row.querySelectorAll('td.c a')]).filter((row) => row.length);
  const lastOf = (link) => link.dataset.last || link.dataset.tp;
  const counted = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

  function roving(chosen) {
    for (const link of links()) link.tabIndex = link === chosen ? 0 : -1;
  }

  // What needs a look first; else the newest that has begun.
  function worst(all) {
    const begun = all.filter((link) => !link.parentElement.matches('.due'));
    return all.find((link) => link.closest('.is-sel'))
      || all.find((link) => link.closest('.held, .fail')) || all.find((link) => link.closest(UNDER_WAY))
      || begun[begun.length - 1] || all[all.length - 1] || null;
  }

  function start() {
    const all = links();
    if (all.some((link) => link.tabIndex === 0 && link.hasAttribute('tabindex'))) return;
    roving(all.includes(document.activeElement) ? document.activeElement : worst(all));
  }

  function move(from, dx, dy) {
    const rows = bodyRows();
    const y = rows.findIndex((row) => row.includes(from));
    const x = rows[y].indexOf(from);
    const box = from.getBoundingClientRect();
    if (dx) return rows[y][x + dx] || from;
    const row = rows[y + dy];
    if (!row) return from;
    const middle = box.left + Math.min(box.width / 2, 12);
    return row.reduce((best, link) => {
      const far = (item) => { const b = item.getBoundingClientRect(); return middle < b.left ? b.left - middle : middle > b.right ? middle - b.right : 0; };
      return far(link) < far(best) ? link : best;
    });
  }

  function addressOf(process, first, last) {
    const address = new URL(location.href);
    for (const [name, value] of [['process', process], ['first', first], ['last', last === first ? '' : last]]) {
      if (value) { address.searchParams.set(name, value); } else { address.searchParams.delete(name); }
    }
    return address;
  }

  // Replaced, not added: going back leads to the page before, not through every step of a drag.
  function remember(process, first, last) {
    history.replaceState(history.state, '', addressOf(process, first, last));
    if (clearing) clearing.hidden = !first;
  }

  // The page of that selection says what is to be said of it; the map itself stays as it is.
  function tell(process, first, last) {
    clearTimeout(telling);
    telling = setTimeout(() => {
      const { pathname, search } = addressOf(process, first, last);
      htmx.ajax('GET', pathname + search, {
        source: summary, target: summary, select: '#r-cell', swap: 'morph', headers: { 'X-Live': '1' },
      }).catch(() => { /* Disconnected: the status line says so. */ });
    }, 250);
  }

  function unmark() {
    for (const cell of map.querySelectorAll('.is-sel')) { cell.classList.remove('is-sel'); cell.removeAttribute('aria-selected'); }
  }

  function clear() {
    anchor = null;
    if (!new URLSearchParams(location.search).has('first')) return;
    unmark();
    remember('', '', '');
    fill('', '', '', 'both included');
  }

  function select(a, b) {
    if (!a || !b || a.dataset.p !== b.dataset.p) return;
    unmark();
    const [first, last] = [a, b].map((link) => link.dataset.tp).sort().map((at, end) => (end ? lastOf(a.dataset.tp === at ? a : b) : at));
    const chosen = links().filter((link) => link.dataset.p === a.dataset.p && link.dataset.tp >= first && lastOf(link) <= last);
    for (const link of chosen) { link.closest('td').classList.add('is-sel'); link.closest('td').setAttribute('aria-selected', 'true'); }
    fill(a.dataset.p, first, last, said(chosen));
    remember(a.dataset.p, first, last);
  }

  function said(chosen) {
    const { noun, each } = chosen[0].closest('tr').dataset;
    const jobs = chosen.reduce((sum, link) => sum + Number(link.dataset.n || 1), 0);
    return each ? `${counted(chosen.length, each)}, ${counted(jobs, noun)}` : counted(jobs, noun);
  }

  function fill(process, first, last, text) {
    if (bulk) {
      const names = bulk.elements.process;
      if (process) names.value = process;
      bulk.elements.first.value = first;
      bulk.elements.last.value = last === first ? '' : last;
      bulk.querySelector('[data-count]').textContent = text;
    }
    tell(process, first, last);
    document.getElementById('note').textContent = first ? `${process} ${first} to ${last}, ${text}` : 'nothing selected';
  }

  map.addEventListener('focusin', (event) => {
    const link = event.target.closest('td.c a');
    if (!link) return;
    roving(link);
    if (!map.querySelector('.is-sel')) fill(link.dataset.p, link.dataset.tp, lastOf(link), said([link]));
  });

  // Keys work wherever the focus is, but where one writes: the first arrow leads into the map.
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, dialog')) return;
    const link = event.target.closest('#r-map td.c a');
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const at = link || map.querySelector('td.c.is-sel a');
    if (by) {
      if (!link) { links().find((item) => item.tabIndex === 0)?.focus(); } else { step(link, by, event.shiftKey); }
    } else if (event.key === 'Escape') { clear(); }
    else if (event.key === 'Backspace') { document.querySelector('.crumbs [data-up]')?.click(); }
    else if (!at) { return; }
    else if (event.key === 'r' || event.key === 's') { act(event.key); }
    else if (event.key === '.') { location.assign(`${at.dataset.why || `/i/${at.dataset.p}/${at.dataset.tp}`}#r-why`); }
    else if (!link) { return; }
    else if (event.key === 'Home' || event.key === 'End') { const row = bodyRows().find((item) => item.includes(link)); row[event.key === 'Home' ? 0 : row.length - 1].focus(); }
    else if (event.key === 'x') { if (link.closest('.is-sel')) { clear(); } else { anchor = link; select(link, link); } }
    else { return; }
    event.preventDefault();
  });

  function step(link, by, isSelecting) {
    const next = move(link, ...by);
    if (isSelecting) { anchor = anchor || link; select(anchor, next); } else { clear(); }
    next.focus();
  }

  function act(key) {
    if (!bulk || !bulk.elements.first.value) return;
    const button = bulk.querySelector(key === 's' ? 'button[formaction]' : 'button.pri');
    if (button) button.click();
  }

  map.addEventListener('pointerdown', (event) => {
    const link = event.target.closest('td.c a');
    if (!link || event.button !== 0 || event.pointerType === 'touch') return;
    anchor = event.shiftKey && anchor ? anchor : link;
    isDragging = true;
    wasDragged = false;
    if (event.shiftKey) { select(anchor, link); wasDragged = true; }
  });
  map.addEventListener('pointerover', (event) => {
    const link = event.target.closest('td.c a');
    if (!isDragging || !link || link === anchor) return;
    wasDragged = true;
    select(anchor, link);
  });
  window.addEventListener('pointerup', () => { isDragging = false; });
  map.addEventListener('dragstart', (event) => event.preventDefault());
  map.addEventListener('click', (event) => { if (wasDragged) { event.preventDefault(); wasDragged = false; } });
  clearing?.addEventListener('click', (event) => { event.preventDefault(); clear(); });
  map.addEventListener('mx:swapped', () => {
    start();
    const held = new URLSearchParams(location.search);
    if (held.has('first')) tell(held.get('process') || '', held.get('first'), held.get('last') || held.get('first'));
  });
  start();
  anchor = map.querySelector('td.c.is-sel a');
  const box = map.closest('.box');
  if (box.scrollWidth > box.clientWidth) {
    // Cells across many columns are everywhere; go by those of one column.
    const cell = worst(links().filter((link) => !link.parentElement.matches('.wide')))?.parentElement;
    if (cell) box.scrollLeft = cell.offsetLeft - (box.clientWidth + map.tHead.rows[0].cells[0].offsetWidth - cell.offsetWidth) / 2;
  }
})();
