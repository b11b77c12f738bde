// Draws how long runs took with uPlot, in place of the drawing that is there without scripts: the
// point that is nearest, or has the focus, tells more and leads to its interval; arrows move on.
'use strict';
(() => {
  const note = document.getElementById('note');
  const LEFT = 60, RIGHT = 96, SMALL_RIGHT = 32, SMALL = 560, FAR = 40, HOUR = 3600, DAY = 86400;
  const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

  // How each mark is drawn around its point, and whether it is filled: not by colour alone.
  const SHAPES = {
    ok: [(path, x, y, r) => { path.moveTo(x + 2.5 * r, y); path.arc(x, y, 2.5 * r, 0, 2 * Math.PI); }, true, '--ok-glyph'],
    noop: [(path, x, y, r) => { path.moveTo(x + 1.5 * r, y); path.arc(x, y, 1.5 * r, 0, 2 * Math.PI); }, true, '--noop-text'],
    run: [(path, x, y, r) => { path.moveTo(x - 3 * r, y - 4 * r); path.lineTo(x - 3 * r, y + 4 * r); path.lineTo(x + 4 * r, y); path.closePath(); }, true, '--run-text'],
    fail: [(path, x, y, r) => { path.moveTo(x - 3 * r, y - 3 * r); path.lineTo(x + 3 * r, y + 3 * r); path.moveTo(x + 3 * r, y - 3 * r); path.lineTo(x - 3 * r, y + 3 * r); }, false, '--fail-text'],
    skip: [(path, x, y, r) => { path.moveTo(x - 3 * r, y + 3 * r); path.lineTo(x + 3 * r, y - 3 * r); }, false, '--skip-text'],
  };

  // Times of the axis, in UTC like everything else on the page.
  function stamp(seconds, step) {
    const at = new Date(seconds * 1000);
    const month = MONTHS[at.getUTCMonth()];
    if (step >= 300 * DAY) return String(at.getUTCFullYear());
    if (step >= 28 * DAY) return `${month} ${at.getUTCFullYear()}`;
    if (step >= DAY || seconds % DAY === 0) return `${at.getUTCDate()} ${month}`;
    return at.toISOString().slice(11, 16);
  }

  function draw(section) {
    const plot = section.querySelector('.plot');
    const link = document.createElement('a');
    const tip = document.createElement('div');
    link.className = 'at';
    tip.className = 'tip';
    tip.hidden = true;
    let data = null;
    let chart = null;
    let current = -1;
    let style = getComputedStyle(section);
    const ink = (name) => style.getPropertyValue(name).trim();

    // On a phone the names of the lines do without their times, which are in the sentence above.
    const isSmall = () => plot.clientWidth < SMALL;
    const right = () => (isSmall() ? SMALL_RIGHT : RIGHT);

    function read() {
      const source = section.querySelector('[data-dots]');
      if (!source) return false;
      data = JSON.parse(source.dataset.dots);
      data.at = data.at.split(' ');
      data.took = data.took.split('|');
      data.here = JSON.parse(source.dataset.here);
      data.shown = data.y.map((seconds) => Math.min(seconds, data.top));
      return true;
    }

    function line(context, y, box, name, dash, width) {
      context.beginPath();
      context.setLineDash(dash);
      context.strokeStyle = ink(name);
      context.lineWidth = width;
      context.moveTo(box.left, y);
      context.lineTo(box.left + box.width, y);
      context.stroke();
      context.setLineDash([]);
    }

    function levels(u) {
      const { ctx: context, bbox: box } = u;
      const ratio = devicePixelRatio;
      let lowest = -Infinity;
      context.font = `${11 * ratio}px ${style.fontFamily}`;
      context.textBaseline = 'middle';
      context.textAlign = 'left';
      data.levels.forEach(([name, seconds, text], number) => {
        const y = Math.round(u.valToPos(seconds, 'y', true)) + 0.5;
        if (name === 'p95') { line(context, y, box, '--ink-2', [4 * ratio, 3 * ratio], ratio); } else { line(context, y, box, '--ink', [], 1.25 * ratio); }
        // The names keep clear of each other, and of the axis below.
        const above = data.levels.length - 1 - number;
        const textY = Math.max(Math.min(y, box.top + box.height - 13 * ratio * above), lowest + 13 * ratio);
        lowest = textY;
        context.fillStyle = ink('--ink-2');
        context.fillText(isSmall() ? name : `${name} ${text}`, box.left + box.width + 6 * ratio, textY);
      });
    }

    function marks(u) {
      const { ctx: context, bbox: box } = u;
      const ratio = devicePixelRatio;
      const place = (index) => [u.valToPos(data.x[index], 'x', true), u.valToPos(data.shown[index], 'y', true)];
      context.save();
      levels(u);
      context.lineCap = 'round';
      context.lineWidth = 1.6 * ratio;
      data.marks.forEach(([css], number) => {
        const [shape, isFilled, name] = SHAPES[css] || SHAPES.ok;
        const path = new Path2D();
        data.mark.forEach((mark, index) => { if (mark === number) shape(path, ...place(index), ratio); });
        context.fillStyle = context.strokeStyle = ink(name);
        if (isFilled) { context.fill(path); } else { context.stroke(path); }
      });
      context.strokeStyle = ink('--accent');
      for (const index of data.here) {
        const [x, y] = place(index);
        context.beginPath();
        context.lineWidth = 1.5 * ratio;
        context.arc(x, y, 7 * ratio, 0, 2 * Math.PI);
        context.stroke();
        context.beginPath();
        context.lineWidth = ratio;
        context.setLineDash([ratio, 3 * ratio]);
        context.moveTo(x, box.top);
        context.lineTo(x, box.top + box.height);
        context.stroke();
        context.setLineDash([]);
      }
      context.restore();
    }

    function options() {
      const font = `11px ${style.fontFamily}`;
      const axis = { stroke: () => ink('--ink-2'), font, ticks: { show: false } };
      return {
        width: plot.clientWidth,
        height: plot.clientHeight,
        padding: [8, right, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        scales: {
          x: { range: (u, from, to) => [from - (to - from || HOUR) * 0.01, to + (to - from || HOUR) * 0.01] },
          y: { range: () => [0, data.top] },
        },
        series: [{}, { paths: () => null, points: { show: false } }],
        axes: [
          { ...axis, size: 24, gap: 4, space: 72, grid: { show: false }, values: (u, splits, _axis, _space, step) => splits.map((at) => stamp(at, step)) },
          { ...axis, size: LEFT, gap: 6, splits: () => data.lines.map(([seconds]) => seconds), values: () => data.lines.map(([, text]) => text), grid: { stroke: () => ink('--line'), width: 1 } },
        ],
        hooks: { draw: [marks] },
      };
    }

    function said(index) {
      const [, word] = data.marks[data.mark[index]];
      const run = data.run[index] > 1 ? `run ${data.run[index]}, ` : '';
      return [`${data.process} ${data.at[index]}`, `${run}${data.took[index]}, ${word}`];
    }

    function show(index, isOn) {
      current = index;
      const x = chart.valToPos(data.x[index], 'x');
      const y = chart.valToPos(data.shown[index], 'y');
      const [title, text] = said(index);
      link.href = `/i/${encodeURIComponent(data.process)}/${data.at[index]}`;
      link.setAttribute('aria-label', `${title}, ${text}`);
      link.style.left = `${x}px`;
      link.style.top = `${y}px`;
      link.classList.toggle('is-on', isOn);
      tip.hidden = !isOn;
      if (!isOn) return;
      const strong = document.createElement('b');
      const rest = document.createElement('span');
      strong.textContent = title;
      rest.textContent = text;
      tip.replaceChildren(strong, rest);
      const wide = chart.over.clientWidth;
      const left = x > wide / 2 ? x - tip.offsetWidth - 14 : x + 14;
      tip.style.left = `${Math.max(-LEFT, Math.min(left, wide + right() - tip.offsetWidth))}px`;
      tip.style.top = `${Math.max(0, Math.min(y - tip.offsetHeight / 2, chart.over.clientHeight - tip.offsetHeight))}px`;
    }

    function hide() { show(current, document.activeElement === link); }

    function nearest(event) {
      const box = chart.over.getBoundingClientRect();
      let best = -1;
      let least = FAR ** 2;
      for (let index = 0; index < data.x.length; index += 1) {
        const far = (chart.valToPos(data.x[index], 'x') - event.clientX + box.left) ** 2
          + (chart.valToPos(data.shown[index], 'y') - event.clientY + box.top) ** 2;
        if (far < least) { best = index; least = far; }
      }
      return best;
    }

    function step(event) {
      const last = data.x.length - 1;
      const next = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: last }[event.key];
      if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      show(Math.max(0, Math.min(next, last)), true);
      if (note) note.textContent = said(current).join(', ');
    }

    // Where the eye begins: this page's interval, else the newest run.
    function start() { return data.here.length ? data.here[data.here.length - 1] : data.x.length - 1; }

    function again() {
      const before = current < 0 ? '' : `${data.at[current]} ${data.run[current]}`;
      if (!read()) return;
      if (!chart) { create(); return; }
      chart.setData([data.x, data.shown]);
      const found = data.at.findIndex((at, index) => `${at} ${data.run[index]}` === before);
      show(found < 0 ? start() : found, found >= 0 && link.classList.contains('is-on'));
    }

    function repaint() {
      style = getComputedStyle(section);
      if (chart) chart.redraw(false, true);
    }

    function create() {
      section.classList.add('is-drawn');
      plot.hidden = false;
      chart = new uPlot(options(), [data.x, data.shown], plot);
      chart.over.append(link, tip);
      show(start(), false);
      chart.over.addEventListener('pointermove', (event) => { const index = nearest(event); if (index < 0) { hide(); } else { show(index, true); } });
      chart.over.addEventListener('pointerleave', hide);
      link.addEventListener('focus', () => show(current, true));
      link.addEventListener('blur', () => show(current, false));
      link.addEventListener('keydown', step);
      new ResizeObserver(() => {
        if (!plot.clientWidth || plot.clientWidth === chart.width) return;
        chart.setSize({ width: plot.clientWidth, height: plot.clientHeight });
        show(current, link.classList.contains('is-on'));
      }).observe(plot);
      matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
      new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ['data-theme'] });
    }

    // Live updates replace what this was drawn from, by whatever way.
    new MutationObserver((changes) => { if (changes.some((change) => !plot.contains(change.target))) again(); })
      .observe(section, { childList: true, subtree: true, attributeFilter: ['data-dots', 'data-here'] });
    again();
  }

  for (const section of document.querySelectorAll('[data-chart]')) draw(section);
})();
