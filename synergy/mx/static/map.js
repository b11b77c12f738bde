// Heat maps: arrows move, Shift or a drag selects a range of one process, r and s act on it.
'use strict';
(() => {
  const map = document.getElementById('r-map');
  const bulk = document.getElementById('bulk');
  if (!map) return;
  let anchor = null;
  let isDragging = false;
  let wasDragged = false;

  const links = () => [...map.querySelectorAll('td.c a')];
  const bodyRows = () => [...map.tBodies[0].rows].map((row) => [...row.querySelectorAll('td.c a')]).filter((row) => row.length);

  function roving(chosen) {
    for (const link of links()) link.tabIndex = link === chosen ? 0 : -1;
  }

  function start() {
    const all = links();
    if (all.some((link) => link.tabIndex === 0 && link.hasAttribute('tabindex'))) return;
    roving(all.find((link) => link.closest('td').matches('.fail, .block, .run')) || all[all.length - 1] || null);
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

  function clear() {
    for (const cell of map.querySelectorAll('.is-sel')) { cell.classList.remove('is-sel'); cell.removeAttribute('aria-selected'); }
    document.dispatchEvent(new CustomEvent('mx:free'));
  }

  function select(a, b) {
    clear();
    if (!a || !b || a.dataset.p !== b.dataset.p) return;
    const [first, last] = [a.dataset.tp, b.dataset.tp].sort();
    const chosen = links().filter((link) => link.dataset.p === a.dataset.p && link.dataset.tp >= first && link.dataset.tp <= last);
    for (const link of chosen) { link.closest('td').classList.add('is-sel'); link.closest('td').setAttribute('aria-selected', 'true'); }
    fill(a.dataset.p, first, last, chosen.length);
  }

  function fill(process, first, last, count) {
    if (!bulk) return;
    const names = bulk.elements.process;
    if (![...names.options].some((item) => item.value === process)) names.add(new Option(process, process));
    names.value = process;
    bulk.elements.first.value = first;
    bulk.elements.last.value = last === first ? '' : last;
    const said = bulk.querySelector('[data-count]');
    said.textContent = count === 1 ? '1 cell' : `${count} cells, both ends included`;
    document.getElementById('note').textContent = `${process} ${first} to ${last}, ${said.textContent}`;
  }

  map.addEventListener('focusin', (event) => {
    const link = event.target.closest('td.c a');
    if (!link) return;
    roving(link);
    if (!map.querySelector('.is-sel')) fill(link.dataset.p, link.dataset.tp, link.dataset.tp, 1);
  });

  map.addEventListener('keydown', (event) => {
    const link = event.target.closest('td.c a');
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
    if (by) {
      const next = move(link, ...by);
      if (event.shiftKey) { anchor = anchor || link; select(anchor, next); } else { anchor = null; clear(); }
      next.focus();
    } else if (event.key === 'Escape') { anchor = null; clear(); }
    else if (event.key === 'Home' || event.key === 'End') { const row = bodyRows().find((item) => item.includes(link)); row[event.key === 'Home' ? 0 : row.length - 1].focus(); }
    else if (event.key === 'Backspace') { const crumbs = document.querySelectorAll('.crumbs a'); crumbs[crumbs.length - 1]?.click(); }
    else if (event.key === 'x') { if (link.closest('.is-sel')) { anchor = null; clear(); } else { anchor = link; select(link, link); } }
    else if (event.key === 'r' || event.key === 's') { act(event.key); }
    else if (event.key === '.') { if (link.dataset.k) location.assign(`${link.href}#r-why`); }
    else { return; }
    event.preventDefault();
  });

  function act(key) {
    if (!bulk || !bulk.elements.first.value) return;
    const buttons = bulk.querySelectorAll('button');
    buttons[key === 's' ? 0 : 1].click();
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
  map.addEventListener('mx:swapped', start);
  start();
  if (matchMedia('(max-width: 880px)').matches) {
    const now = [...map.querySelectorAll('td.c')].filter((cell) => !cell.matches('.due')).pop();
    const box = map.closest('.box');
    if (now && box) box.scrollLeft = now.offsetLeft - box.clientWidth + 80;
  }
})();
