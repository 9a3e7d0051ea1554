// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// The flame graph page: one script with model.js before it, no library, no request.
//
//   address bar <--> state --apply()--> tree, search --> canvas, tooltip, table, path, tree item
//
// Names come from a hostile target: they reach the page by textContent and fillText only.

const $ = (id) => document.getElementById(id);
const ROW = 20; // height of a box with its gap, in CSS pixels
const TINY = 0.5; // boxes narrower than this are drawn together

// ---------------------------------------------------------------- state

// All that the address bar holds. callers: null is the plain tree, -1 callers of everything.
// value: a type; main() knows which one comes first.
const DEFAULTS = { value: '', zoom: 0, find: '', regex: false, icicle: false, bysize: false, callers: null, sort: 'self' };
let state = { ...DEFAULTS };
let packed; // what all trees are made from
let down; // the plain tree of the value on show
let tree; // the one on show
let cursor = 0; // the node the keyboard is on
let hover = -1;
let pushed = 0; // views that Backspace can go back through

function readHash() {
  const q = new URLSearchParams(location.hash.slice(1));
  const index = (name, limit) => {
    const v = /^\d{1,9}$/.test(q.get(name) ?? '') ? Number(q.get(name)) : -1;
    return v < limit ? v : -1;
  };
  const callers = q.get('callers') === 'all' ? -1 : index('callers', data.names.length);
  const value = data.values.find((v) => v.type === q.get('value'))?.type ?? DEFAULTS.value;
  return { value, zoom: Math.max(0, index('zoom', 1e9)), find: q.get('find') ?? '', regex: q.has('regex'),
    icicle: q.has('icicle'), bysize: q.has('bysize'),
    callers: q.get('callers') === 'all' || callers >= 0 ? callers : null,
    sort: ['name', 'module', 'total'].includes(q.get('sort')) ? q.get('sort') : 'self' };
}

function writeHash(s) {
  const q = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) {
    if (s[key] === DEFAULTS[key]) continue;
    q.set(key, s[key] === true ? '' : key === 'callers' && s[key] < 0 ? 'all' : s[key]);
  }
  return '#' + q.toString().replace(/=(&|$)/g, '$1');
}

// The one way to change what is shown. A new view is a new entry in the history; a search is not.
function go(change, isView = false) {
  const before = writeHash(state);
  apply({ ...state, ...change });
  const after = writeHash(state);
  if (after === before) return;
  try {
    if (isView) history.pushState(null, '', after);
    else history.replaceState(null, '', after);
    if (isView) pushed++;
  } catch (e) { /* some browsers limit how often this may be done: the view is not kept, only shown */ }
}

function apply(s, animate = true) {
  const old = state;
  const newValue = s.value !== old.value;
  if (newValue) setValue(s.value);
  const newTree = !tree || newValue || s.callers !== old.callers;
  if (newTree) tree = s.callers === null ? down : makeTree(invert(down, s.callers));
  if (s.zoom >= tree.n || !tree.total[s.zoom]) s.zoom = 0;
  state = s;
  if (newTree || s.bysize !== old.bysize) layout(tree, s.bysize);
  if (newTree || s.find !== old.find || s.regex !== old.regex) search();
  if (newTree) hover = -1;
  if (newTree || s.zoom !== old.zoom) cursor = s.zoom;
  view.aim(animate && !newTree && s.bysize === old.bysize && s.icicle === old.icicle,
    newTree || s.icicle !== old.icicle);
  showState();
}

const plainTrees = {}; // by type of value, once they were shown

function plainTree(type) {
  return plainTrees[type] ??= treeOf(packed, data.values.findIndex((v) => v.type === type));
}

function setValue(type) {
  data.value = data.values.find((v) => v.type === type);
  down = plainTree(type);
  $('value').value = type;
  $('total').textContent = `${amount(down.total[0])} ${data.value.said}`;
}

// Another measure of the same code: the place that is zoomed to stays.
function chooseValue(type) {
  const zoom = state.callers === null ? sameNode(down, plainTree(type), state.zoom, packed.parent) : 0;
  go({ value: type, zoom }, true);
}

function nextValue(by) {
  const i = data.values.indexOf(data.value) + by + data.values.length;
  chooseValue(data.values[i % data.values.length].type);
}

function back() {
  if (pushed > 0) {
    pushed--;
    history.back();
  } else {
    go({ zoom: 0, callers: null });
  }
}

// ---------------------------------------------------------------- search

let matched; // by frame
let matchesBefore; // matchesBefore[k]: matches in tree.level[0 .. k), to colour boxes drawn together
let matches = []; // outermost matching nodes: nested ones would be counted twice

function matcher() {
  if (!state.find) return null;
  if (!state.regex) {
    const want = state.find.toLowerCase();
    return (text) => text.toLowerCase().includes(want);
  }
  try {
    const re = new RegExp(state.find, 'i');
    return (text) => re.test(text);
  } catch (e) {
    return undefined; // not (yet) an expression
  }
}

function search() {
  const match = matcher();
  matches = [];
  matched = null;
  $('find').setAttribute('aria-invalid', String(match === undefined));
  if (!match) return;
  // A file by its name; by its whole path only if a path is what is looked for.
  const source = (f) => (state.find.includes('/') ? data.files[f] : base(data.files[f]));
  matched = Uint8Array.from(data.names, (name, f) => match(name) || match(base(data.modules[f])) || match(source(f)));
  for (let i = 1; i < tree.n; ) {
    if (matched[tree.frame[i]]) matches.push(i);
    i = matched[tree.frame[i]] ? tree.end[i] : i + 1;
  }
}

// The outermost matches below the zoomed node and their sum; all of it if a caller of it matches.
function matchesInView() {
  const [from, to] = [state.zoom, tree.end[state.zoom]];
  const nodes = matches.filter((i) => i >= from && i < to);
  const over = matches.some((i) => i < from && tree.end[i] > from);
  return { nodes, sum: over ? tree.total[from] : nodes.reduce((sum, i) => sum + tree.total[i], 0) };
}

function step(by) {
  const { nodes } = matchesInView();
  if (!nodes.length) return;
  nodes.sort((a, b) => tree.x[a] - tree.x[b]);
  const at = nodes.indexOf(cursor);
  moveTo(nodes[at < 0 ? (by > 0 ? 0 : nodes.length - 1) : (at + by + nodes.length) % nodes.length]);
}

// ---------------------------------------------------------------- colour

// [lightness, chroma, hue] from and to, in OKLCH: equal lightness reads equally light, whatever the hue.
// User code is warm; the others differ from it and from each other in hue and lightness, inlined and
// marker boxes also in shape, so that readers who see fewer hues can tell them (browser.mjs measures it).
const FAMILIES = {
  light: {
    process: [[0.87, 0.014, 75], [0.91, 0.010, 75]],
    user: [[0.775, 0.125, 45], [0.885, 0.105, 82]],
    kernel: [[0.79, 0.072, 264], [0.86, 0.062, 242]],
    jit: [[0.69, 0.085, 182], [0.745, 0.085, 164]],
    inlined: [[0.905, 0.075, 92], [0.945, 0.085, 108]],
    marker: [[0.85, 0.02, 345], [0.88, 0.02, 345]],
    target: [[0.70, 0.07, 318], [0.74, 0.07, 326]],
  },
  dark: { // embers, not mud: dimmer than in the light, yet bright enough for dark ink
    process: [[0.62, 0.012, 75], [0.66, 0.012, 75]],
    user: [[0.665, 0.125, 42], [0.765, 0.105, 80]],
    kernel: [[0.64, 0.085, 264], [0.72, 0.075, 242]],
    jit: [[0.795, 0.085, 182], [0.85, 0.08, 164]],
    inlined: [[0.80, 0.075, 94], [0.85, 0.085, 108]],
    marker: [[0.62, 0.02, 345], [0.65, 0.02, 345]],
    target: [[0.72, 0.075, 318], [0.76, 0.07, 326]],
  },
};
let paint; // colours of the theme on show

// An OKLCH colour as #rrggbb: canvases take it as it is, but read it anew for every box.
function hex(l, chroma, hue) {
  const c = hex.canvas ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  c.fillStyle = `oklch(${l} ${chroma} ${hue})`;
  c.fillRect(0, 0, 1, 1);
  return '#' + [...c.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((v) => v.toString(16).padStart(2, '0')).join('');
}

function shades([from, to]) {
  return Array.from({ length: SHADES }, (_, i) => {
    // Lightness and hue walk at different speeds, or all shades would lie on one line.
    const mix = (k, at) => from[k] + (to[k] - from[k]) * at;
    return hex(mix(0, ((i * 7) % SHADES) / (SHADES - 1)), mix(1, i / (SHADES - 1)), mix(2, i / (SHADES - 1)));
  });
}

function isDark() {
  const forced = document.documentElement.dataset.theme;
  return forced ? forced === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

function repaint() {
  const probe = $('canvas'); // resolves light-dark() and system colours
  const css = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const plain = matchMedia('(forced-colors: active)').matches;
  const family = FAMILIES[isDark() ? 'dark' : 'light'];
  paint = { plain, fills: {}, strips: {} };
  for (const kind of KINDS) {
    const [l, chroma, hue] = family[kind][0].map((v, k) => (v + family[kind][1][k]) / 2);
    paint.fills[kind] = plain ? new Array(SHADES).fill(css('--bg')) : shades(family[kind]);
    // duller than a box, so that "many small things" does not look like one large thing
    paint.strips[kind] = plain ? css('--tiny') : hex(l, chroma * 0.6, hue);
  }
  paint.fill = frames.shade.map((shade, f) => paint.fills[KINDS[data.kinds[f]]][shade]);
  for (const name of ['ink', 'ink-match', 'match', 'faded', 'ink-faded', 'tiny', 'line', 'ring', 'bg', 'root']) {
    paint[name] = css('--' + name);
  }
  paint.font = getComputedStyle(probe).fontFamily;
  $('theme').textContent = isDark() ? 'Light' : 'Dark';
  showLegend();
  view.redraw();
}

const LEGEND = { process: 'thread', user: 'user code', inlined: 'inlined', jit: 'JIT', kernel: 'kernel',
  target: 'file or device', marker: 'stack cut short' };

function showLegend() {
  const present = new Set(data.kinds);
  $('legend').replaceChildren(...Object.keys(LEGEND).filter((k) => present.has(KINDS.indexOf(k))).map((kind) => {
    const li = document.createElement('li');
    li.className = kind;
    li.textContent = LEGEND[kind];
    if (!paint.plain) li.style.backgroundColor = paint.fills[kind][kind === 'user' ? 10 : 6];
    return li;
  }));
}

// ---------------------------------------------------------------- drawing

const nameOf = (i) => (tree.frame[i] < 0 ? (state.callers === -1 ? 'all, by leaf' : 'all')
  : data.names[tree.frame[i]]);
const kindOf = (i) => (tree.frame[i] < 0 ? 'process' : KINDS[data.kinds[tree.frame[i]]] ?? 'user');

// First index in level[lo, hi) where test() holds; it must hold for all after it.
function bisect(lo, hi, test) {
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (test(tree.level[mid])) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}

// The panel scrolls a spacer as high as the graph; the canvas sticks to the panel and holds what is
// visible, because a canvas of 1000 rows would be larger than browsers allow.
//
// The root is at the bottom at first: towers that rise are what people look for in a flame graph, and
// the names of the widest boxes stand next to the table that lists them. The panel opens at the root, for
// a tip of a tower means nothing by itself. Distances are kept from the root's edge, so that zooming
// leaves the clicked box under the pointer.
const view = {
  x0: 0, x1: 1, width: 0, height: 0, rows: 1, tall: 0,
  queued: false, timer: 0,

  // Look at the zoomed node, from the part looked at before.
  aim(animate, toRoot) {
    const t = tree;
    const z = state.zoom;
    let deepest = 0;
    for (let i = z; i < t.end[z]; i++) if (t.total[i] && t.depth[i] > deepest) deepest = t.depth[i];
    const fromRoot = toRoot ? 0 : this.fromRoot();
    this.rows = deepest + 1;
    this.resize(toRoot);
    const top = Math.max(0, t.depth[z] - 3) * ROW; // keep three callers in sight
    const keep = fromRoot > top || fromRoot + this.height < (t.depth[z] + 4) * ROW ? top : fromRoot;
    this.scrollFromRoot(keep);
    const [from, to] = [{ x0: this.x0, x1: this.x1 }, { x0: t.x[z], x1: t.x[z] + (t.total[z] || 1) }];
    cancelAnimationFrame(this.timer);
    if (!animate || matchMedia('(prefers-reduced-motion: reduce)').matches) {
      Object.assign(this, to);
      this.redraw();
      return;
    }
    const began = performance.now();
    const tick = (now) => {
      const at = Math.min(1, Math.max(0, (now - began) / 180));
      const eased = 1 - (1 - at) ** 3;
      this.x0 = from.x0 + (to.x0 - from.x0) * eased;
      this.x1 = from.x1 + (to.x1 - from.x1) * eased;
      this.draw();
      if (at < 1) this.timer = requestAnimationFrame(tick);
    };
    this.timer = requestAnimationFrame(tick);
  },

  // The panel is as high as the whole graph, within what the window leaves for it.
  resize(newTree) {
    const panel = $('graph');
    if (newTree) {
      const full = tree.levels * ROW + 2;
      panel.style.height = `min(${full}px, max(14rem, 100vh - 19rem))`;
    }
    this.width = panel.clientWidth;
    this.height = panel.clientHeight;
    this.tall = Math.max(this.height, this.rows * ROW + 1);
    $('spacer').style.height = `${this.tall}px`;
    const dpr = devicePixelRatio || 1;
    const canvas = $('canvas');
    const [w, h] = [Math.round(this.width * dpr), Math.round(this.height * dpr)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      canvas.style.width = `${this.width}px`;
      canvas.style.height = `${this.height}px`;
    }
  },

  fromRoot() {
    const top = $('graph').scrollTop;
    return state.icicle ? top : this.tall - this.height - top;
  },
  scrollFromRoot(by) {
    $('graph').scrollTop = state.icicle ? by : this.tall - this.height - by;
  },
  yOf(depth) { // in the panel
    return (state.icicle ? depth * ROW : this.tall - (depth + 1) * ROW) - $('graph').scrollTop;
  },
  depthAt(y) {
    const from = y + $('graph').scrollTop;
    return Math.floor((state.icicle ? from : this.tall - from) / ROW);
  },
  scale() {
    return this.width / (this.x1 - this.x0);
  },

  // The node at a point of the panel, or -1.
  hit(px, py) {
    const d = this.depthAt(py);
    if (d < 0 || d >= this.rows) return -1;
    const x = this.x0 + px / this.scale();
    const k = bisect(tree.start[d], tree.start[d + 1], (i) => tree.x[i] + tree.total[i] > x);
    const i = tree.level[k];
    return k < tree.start[d + 1] && tree.x[i] <= x ? i : -1;
  },

  // Where a node is on the screen, cut to the panel.
  box(i) {
    const s = this.scale();
    const left = Math.max(0, (tree.x[i] - this.x0) * s);
    const right = Math.min(this.width, (tree.x[i] + tree.total[i] - this.x0) * s);
    return { left, right, top: this.yOf(tree.depth[i]), width: right - left };
  },

  redraw() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => { this.queued = false; this.draw(); });
  },

  draw() {
    if (!tree || !tree.total[0]) return; // not yet, or nothing to draw
    const c = this.context ??= $('canvas').getContext('2d');
    const dpr = devicePixelRatio || 1;
    c.setTransform(dpr, 0, 0, dpr, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.textBaseline = 'middle';
    let [d, last] = [this.depthAt(0), this.depthAt(this.height)];
    if (d > last) [d, last] = [last, d];
    for (d = Math.max(0, d); d <= Math.min(last, this.rows - 1); d++) this.drawLevel(c, d, dpr);
    if (hover >= 0) this.outline(c, hover, paint.line, 1);
    if (document.activeElement === $('graph')) this.outline(c, cursor, paint.ring, 2);
  },

  // O(width) boxes whatever the number of nodes: what falls within half a pixel is skipped by bisection
  // and drawn as one strip.
  drawLevel(c, d, dpr) {
    const t = tree;
    const s = this.scale();
    const y = this.yOf(d);
    const stop = t.start[d + 1];
    let run = null; // the strip being collected
    const flush = () => {
      if (!run) return;
      c.fillStyle = run.colour;
      c.fillRect(run.left, y, Math.max(0.5, run.right - run.left), ROW - 1);
      run = null;
    };
    let k = bisect(t.start[d], stop, (i) => t.x[i] + t.total[i] > this.x0);
    while (k < stop && t.x[t.level[k]] < this.x1) {
      const i = t.level[k];
      const left = (t.x[i] - this.x0) * s;
      const right = left + t.total[i] * s;
      if (right - left >= TINY) {
        flush();
        this.drawBox(c, i, left, right, y, dpr);
        k++;
        continue;
      }
      const reach = t.x[i] + TINY / s;
      let past = bisect(k + 1, stop, (j) => t.x[j] >= reach);
      if (past - 1 > k && t.total[t.level[past - 1]] * s >= TINY) past--;
      // its first node's kind stands for all, but a match among them must show
      const colour = matched === null ? paint.strips[kindOf(i)]
        : matchesBefore[past] > matchesBefore[k] ? paint.match : paint.tiny;
      const end = (t.x[t.level[past - 1]] + t.total[t.level[past - 1]] - this.x0) * s;
      if (!run || left > run.right + TINY || run.colour !== colour) {
        flush();
        run = { left, right: end, colour };
      }
      run.right = end;
      k = past;
    }
    flush();
  },

  drawBox(c, i, left, right, y, dpr) {
    // Edges on whole device pixels: a gap that is blurred in half of the boxes looks like dirt.
    const snap = (v) => Math.round(Math.min(this.width + 4, Math.max(-4, v)) * dpr) / dpr;
    const l = snap(left);
    let w = snap(right) - l;
    if (w > 2) w -= 1;
    w = Math.max(w, 1 / dpr);
    const f = tree.frame[i];
    const hit = matched !== null && f >= 0 && matched[f];
    const faded = (matched !== null && !hit) || tree.depth[i] < tree.depth[state.zoom];
    let ink = paint.ink;
    if (hit) [c.fillStyle, ink] = [paint.match, paint['ink-match']];
    else if (faded && !paint.plain) [c.fillStyle, ink] = [paint.faded, paint['ink-faded']];
    else c.fillStyle = f < 0 ? paint.root : paint.fill[f];
    if (w < 6) {
      c.fillRect(l, y, w, ROW - 1);
      return;
    }
    const kind = kindOf(i);
    c.beginPath();
    c.roundRect(l, y, w, ROW - 1, 2);
    c.fill();
    if (paint.plain || kind === 'marker') {
      c.strokeStyle = paint.plain ? paint.ink : paint.tiny;
      c.lineWidth = 1;
      c.setLineDash(kind === 'marker' ? [3, 3] : []);
      c.strokeRect(l + 0.5, y + 0.5, w - 1, ROW - 2);
      c.setLineDash([]);
    }
    if (kind === 'inlined') { // a notch: part of the box below, not a call of its own
      c.fillStyle = ink;
      c.fillRect(l, y + (state.icicle ? 0 : ROW - 3), Math.min(w, 10), 2);
    }
    const from = Math.max(l, 0) + 5;
    const room = Math.min(l + w, this.width) - 4 - from;
    if (room < 14) return;
    c.font = `${kind === 'inlined' ? 'italic ' : ''}${kind === 'process' ? '600 ' : ''}12px ${paint.font}`;
    const text = f < 0 ? fit(c, nameOf(i), nameOf(i), '', room)
      : fit(c, frames.name[f], frames.short[f], frames.tail[f], room);
    c.fillStyle = ink;
    if (text) c.fillText(text, from, y + ROW / 2);
  },

  outline(c, i, colour, width) {
    const b = this.box(i);
    if (b.right < 0 || b.left > this.width) return;
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.beginPath();
    c.roundRect(b.left + width / 2, b.top + width / 2, Math.max(2, b.width - 1 - width), ROW - 1 - width, 2);
    c.stroke();
  },
};

const widths = new Map(); // of whole names, by font and text

function widthOf(c, text) {
  const key = c.font + text;
  let w = widths.get(key);
  if (w === undefined) {
    if (widths.size > 50000) widths.clear();
    w = c.measureText(text).width;
    widths.set(key, w);
  }
  return w;
}

// The name if it fits, else without its arguments, then without namespaces and classes from the left
// (the end tells most), else cut with an ellipsis. The tail, a line, stays as long as there is room.
function fit(c, name, short, tail, room) {
  const whole = name + tail;
  if (whole.length < room && widthOf(c, whole) <= room) return whole;
  for (;;) {
    if (short.length < room && widthOf(c, short + tail) <= room) return short + tail;
    const next = /^.*?(?:::|\/)(?=\w)/.exec(short);
    if (!next) break;
    short = short.slice(next[0].length);
  }
  let lo = 0;
  let hi = Math.min(short.length, Math.ceil(room / 2));
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if (c.measureText(`${short.slice(0, mid)}…${tail}`).width <= room) lo = mid;
    else hi = mid - 1;
  }
  if (lo < 3 && tail) return fit(c, short, short, '', room);
  // Never half a surrogate pair, never space or punctuation before the ellipsis.
  const cut = short.slice(0, lo).replace(/[\ud800-\udbff]$/, '').replace(/[\s:.,_<(-]+$/, '');
  return cut.length > 1 ? `${cut}…${tail}` : '';
}

// ---------------------------------------------------------------- what is said about a frame

const SPOKEN = { inlined: ', inlined', jit: ', JIT', kernel: ', kernel' }; // where colours say it to others

// Module, source and kind; @max: characters of a path.
const where = (i, max) => {
  const f = tree.frame[i];
  if (f < 0) return [];
  const source = data.files[f] && shortPath(data.files[f], max) + (data.lines[f] ? `:${data.lines[f]}` : '');
  return [shortPath(data.modules[f], max), source, kindOf(i) === 'inlined' ? 'inlined into its caller' : '']
    .filter(Boolean);
};

const spoken = (i) => `${nameOf(i)}${SPOKEN[kindOf(i)] ?? ''}, ${percent(tree.total[i], down.total[0])}, ` +
  amountWithUnit(tree.total[i]);

function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.textContent = text;
  return e;
}

// @at: {x, y} of the pointer, or the box {left, top} in the panel for the keyboard.
function showTip(i, at) {
  const tip = $('tip');
  tip.hidden = i < 0;
  if (i < 0) return;
  if (tip.dataset.node !== `${i}/${state.zoom}/${state.callers}`) {
    tip.dataset.node = `${i}/${state.zoom}/${state.callers}`;
    const zoomed = state.zoom > 0;
    const rows = element('table', '', '');
    const row = (head, value) => {
      const tr = element('tr', '', '');
      tr.append(element('th', '', head), element('td', '', amountWithUnit(value)),
        element('td', '', percent(value, down.total[0])));
      if (zoomed) tr.append(element('td', '', `${percent(value, tree.total[state.zoom])} of view`));
      rows.append(tr);
    };
    row('Total', tree.total[i]);
    row('Self', tree.self[i]);
    tip.replaceChildren(element('p', 'name', nameOf(i)));
    for (const line of where(i, 60)) tip.append(element('p', 'where', line));
    tip.append(rows);
  }
  // Below the pointer, or above it: whatever the width, the pointer is never covered.
  const [w, h] = [tip.offsetWidth, tip.offsetHeight];
  const below = at.bottom + h + 14 < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(at.x + 12, innerWidth - w - 8))}px`;
  tip.style.top = `${below ? at.bottom + 14 : Math.max(4, at.top - h - 10)}px`;
}

function showDetail() {
  $('hint').hidden = cursor > 0;
  $('detail').hidden = !cursor;
  if (!cursor) return;
  const name = $('detail-name');
  name.textContent = nameOf(cursor);
  if (name.scrollHeight > name.clientHeight) name.tabIndex = 0; // what scrolls must be within reach of keys
  else name.removeAttribute('tabindex');
  $('detail-where').textContent = where(cursor, Infinity).join('  ·  ');
  $('detail-size').textContent = `${percent(tree.total[cursor], down.total[0])} total, ` +
    `${percent(tree.self[cursor], down.total[0])} self`;
}

// The graph's one item that a screen reader sees: the node the keyboard is on. A new element each
// time, because readers announce a change of the active descendant, not of its text.
function showItem() {
  const i = cursor;
  const item = element('div', '', spoken(i));
  item.id = `node-${i}`;
  item.setAttribute('role', 'treeitem');
  item.setAttribute('aria-level', tree.depth[i] + 1);
  item.setAttribute('aria-selected', 'true');
  if (i + 1 < tree.end[i]) item.setAttribute('aria-expanded', 'true');
  $('items').replaceChildren(item);
  $('graph').setAttribute('aria-activedescendant', item.id);
}

function moveTo(i, withTip = true) {
  cursor = i;
  const d = tree.depth[i];
  if (tree.depth[i] < view.rows) {
    const fromRoot = view.fromRoot();
    if (d * ROW < fromRoot) view.scrollFromRoot(d * ROW);
    if ((d + 1) * ROW > fromRoot + view.height) view.scrollFromRoot((d + 1) * ROW - view.height + 1);
  }
  showItem();
  showDetail();
  const panel = $('graph').getBoundingClientRect();
  const b = view.box(i);
  showTip(withTip ? i : -1, { x: panel.left + b.left, top: panel.top + b.top, bottom: panel.top + b.top + ROW - 10 });
  view.redraw();
}

// ---------------------------------------------------------------- around the graph

function showState() {
  const press = (id, on) => $(id).setAttribute('aria-pressed', String(on));
  press('flame', !state.icicle);
  press('icicle', state.icicle);
  press('by-name', !state.bysize);
  press('by-size', state.bysize);
  press('callers', state.callers !== null);
  press('regex', state.regex);
  $('reset').disabled = !state.zoom && state.callers === null;
  if ($('find').value !== state.find) $('find').value = state.find;
  $('callers').textContent = state.callers >= 0 && state.callers !== null
    ? `Callers of ${[...frames.short[state.callers]].slice(0, 28).join('')}${frames.tail[state.callers]}` : 'Callers';
  showFound();
  showPath();
  showItem();
  showDetail();
  showTip(-1);
  showRows(true);
}

function showFound() {
  const out = $('found');
  const { nodes, sum } = matchesInView();
  $('next').disabled = $('prev').disabled = !nodes.length;
  matchesBefore = null;
  if (matched) {
    matchesBefore = new Uint32Array(tree.n + 1);
    for (let k = 0; k < tree.n; k++) {
      const f = tree.frame[tree.level[k]];
      matchesBefore[k + 1] = matchesBefore[k] + (f >= 0 ? matched[f] : 0);
    }
  }
  if (!state.find) out.textContent = '';
  else if (!matched) out.textContent = 'not a regular expression';
  else {
    const all = matches.reduce((total, i) => total + tree.total[i], 0);
    out.textContent = `${percent(all, down.total[0])} matched` +
      (state.zoom ? `, ${percent(sum, tree.total[state.zoom])} of view` : '');
  }
}

// The path to the zoomed node: its first two callers and its last three, the rest as one ellipsis.
function showPath() {
  const chain = [];
  for (let i = state.zoom; i; i = tree.parent[i]) chain.unshift(i);
  chain.unshift(0);
  $('path').replaceChildren();
  chain.forEach((i, k) => {
    const li = element('li', '', '');
    const left = chain.length - k;
    if (chain.length > 7 && k >= 3 && left > 3) {
      if (k === 3) {
        li.textContent = `… ${chain.length - 6} more`;
        $('path').append(li);
      }
      return;
    }
    const label = tree.frame[i] < 0 ? nameOf(i) : frames.short[tree.frame[i]] + frames.tail[tree.frame[i]];
    const b = element('button', '', label);
    b.type = 'button';
    b.title = nameOf(i).slice(0, 500);
    if (i === state.zoom) b.setAttribute('aria-current', 'location');
    b.addEventListener('click', () => go({ zoom: i }, true));
    li.append(b);
    $('path').append(li);
  });
}

let shown = 0; // rows of the table

function showRows(afresh) {
  if (afresh) shown = 25;
  // Of the plain tree always: in the tree of callers the leaf would count as the caller.
  const root = state.callers === null ? state.zoom : 0;
  const { self, total } = hotspots(down, root);
  const isCode = (f) => total[f] > 0 && data.kinds[f] !== 0 && data.kinds[f] !== 5;
  const rows = data.names.map((_, f) => f).filter((f) => isCode(f) && (!matched || matched[f]));
  const byName = (a, b) => a - b;
  const orders = {
    self: (a, b) => self[b] - self[a] || total[b] - total[a] || byName(a, b),
    total: (a, b) => total[b] - total[a] || self[b] - self[a] || byName(a, b),
    name: byName,
    module: (a, b) => base(data.modules[a]).localeCompare(base(data.modules[b])) || orders.self(a, b),
  };
  rows.sort(orders[state.sort]);
  for (const th of document.querySelectorAll('th[data-sort]')) {
    const on = th.dataset.sort === state.sort;
    if (on) th.setAttribute('aria-sort', /name|module/.test(state.sort) ? 'ascending' : 'descending');
    else th.removeAttribute('aria-sort');
  }
  $('rows').replaceChildren(...rows.slice(0, shown).map((f) => tableRow(f, self[f], total[f])));
  $('scope').textContent = `${integer.format(rows.length)}${matched ? ' matching' : ''}, ` +
    `${root ? 'in the zoomed view' : 'in the whole profile'}` +
    (data.value.unit === 'count' || data.values.length > 1 ? `, in ${data.value.label}` : '');
  $('more').hidden = rows.length <= shown;
  $('more').textContent = `Show ${Math.min(200, rows.length - shown)} more`;
  $('none').hidden = rows.length > 0 || !matched;
}

function tableRow(f, self, total) {
  const tr = document.createElement('tr');
  const name = element('th', '', '');
  name.scope = 'row';
  const find = element('button', 'name', '');
  find.append(element('span', 'cut', frames.name[f]), frames.tail[f]);
  find.type = 'button';
  find.title = data.names[f].slice(0, 500);
  find.addEventListener('click', () => toggleFind(data.names[f]));
  const dot = element('i', `dot ${KINDS[data.kinds[f]]}`, '');
  if (!paint.plain) dot.style.backgroundColor = paint.fill[f];
  const line = element('div', 'row', '');
  line.append(dot, find);
  if (KINDS[data.kinds[f]] === 'inlined') line.append(element('span', 'kind', 'inlined'));
  name.append(line);
  const module = element('td', 'module', base(data.modules[f]));
  module.title = data.modules[f];
  const num = (value) => {
    const share = element('td', 'num share', percent(value, down.total[0]));
    share.style.setProperty('--share-of', down.total[0] ? value / down.total[0] : 0);
    return [element('td', 'num', amount(value)), share];
  };
  const callers = element('button', 'small', 'Callers');
  callers.type = 'button';
  callers.setAttribute('aria-label', `Callers of ${data.names[f].slice(0, 200)}`);
  callers.addEventListener('click', () => { go({ callers: f, zoom: 0 }, true); $('graph').focus(); });
  const action = element('td', 'action', '');
  action.append(callers);
  tr.append(name, module, ...num(self), ...num(total), action);
  return tr;
}

function toggleFind(text) {
  go({ find: state.find === text ? '' : text, regex: false });
}

function toggleCallers(f) {
  go({ callers: state.callers === null ? f : null, zoom: 0 }, true);
}

// ---------------------------------------------------------------- input

function onPointer(e) {
  const panel = $('graph').getBoundingClientRect();
  const i = view.hit(e.clientX - panel.left, e.clientY - panel.top);
  if (i !== hover) {
    hover = i;
    $('graph').style.cursor = i >= 0 ? 'pointer' : '';
    view.redraw();
  }
  showTip(i, { x: e.clientX, top: e.clientY, bottom: e.clientY + 8 });
}

function onClick(e) {
  const panel = $('graph').getBoundingClientRect();
  const i = view.hit(e.clientX - panel.left, e.clientY - panel.top);
  if (i < 0) return;
  go({ zoom: i }, true);
  moveTo(i, false);
}

// By the arrow keys, as drawn: in a flame graph callees are above, in an icicle below.
function neighbour(key) {
  const t = tree;
  const i = cursor;
  if (key === (state.icicle ? 'ArrowUp' : 'ArrowDown')) return t.parent[i];
  const kids = [];
  const of = key === 'ArrowUp' || key === 'ArrowDown' ? i : t.parent[i];
  for (let j = of + 1; j < t.end[of]; j = t.end[j]) if (t.total[j]) kids.push(j);
  if (of === i) return kids.sort((a, b) => t.total[b] - t.total[a] || a - b)[0] ?? i; // the widest callee
  kids.sort((a, b) => t.x[a] - t.x[b]);
  return kids[kids.indexOf(i) + (key === 'ArrowLeft' ? -1 : 1)] ?? i;
}

// On the graph itself. Returns whether the key was used.
function onGraphKey(e) {
  if (e.key.startsWith('Arrow')) {
    const to = neighbour(e.key);
    // Out of the zoomed part: follow, or the cursor would be somewhere nobody sees.
    if (to < state.zoom && tree.depth[to] < tree.depth[state.zoom]) go({ zoom: to }, true);
    else if (to < state.zoom || to >= tree.end[state.zoom]) go({ zoom: to }, true);
    moveTo(to);
  } else if (e.key === 'Home') moveTo(state.zoom);
  else if (e.key === 'Enter' || e.key === ' ') {
    const i = cursor;
    go({ zoom: i }, true);
    moveTo(i);
  } else return false;
  return true;
}

const KEYS = {
  '0': () => go({ zoom: 0, callers: null }, true),
  Escape: () => go({ zoom: 0, callers: null }, true),
  Backspace: back,
  '/': () => { $('find').focus(); $('find').select(); },
  n: () => step(1),
  N: () => step(-1),
  c: () => toggleCallers(tree.frame[cursor]),
  i: () => go({ icicle: !state.icicle }),
  o: () => go({ bysize: !state.bysize }),
  v: () => nextValue(1),
  V: () => nextValue(-1),
  d: () => switchTheme(),
  '?': () => $('help').showModal(),
};

function onKey(e) {
  if ((e.ctrlKey || e.metaKey) && e.key === 'f' && document.activeElement !== $('find')) {
    KEYS['/']();
    e.preventDefault();
  }
  if (e.ctrlKey || e.metaKey || e.altKey || $('help').open || e.target.closest('input, select')) return;
  const used = document.activeElement === $('graph') && onGraphKey(e);
  if (!used && !Object.hasOwn(KEYS, e.key)) return;
  if (!used) KEYS[e.key]();
  e.preventDefault();
}

function onFindKey(e) {
  if (e.key === 'Enter') step(e.shiftKey ? -1 : 1);
  else if (e.key !== 'Escape') return;
  else if (state.find || $('find').value) { $('find').value = ''; go({ find: '' }); } else $('graph').focus();
  e.preventDefault();
}

function switchTheme() {
  const root = document.documentElement;
  root.dataset.theme = isDark() ? 'light' : 'dark';
  try {
    localStorage.setItem('perfbeads-theme', root.dataset.theme);
  } catch (e) { /* storage is switched off for files here: the choice lasts until the page closes */ }
  repaint();
  showRows(false);
}

function listen() {
  const on = (id, type, fn) => $(id).addEventListener(type, fn);
  const panel = $('graph');
  panel.addEventListener('pointermove', onPointer);
  panel.addEventListener('pointerleave', () => { hover = -1; showTip(-1); view.redraw(); });
  panel.addEventListener('click', onClick);
  panel.addEventListener('scroll', () => { view.redraw(); showTip(-1); });
  panel.addEventListener('focus', () => view.redraw());
  panel.addEventListener('blur', () => { showTip(-1); view.redraw(); });
  document.addEventListener('keydown', onKey);
  let typing = 0;
  on('find', 'input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => go({ find: $('find').value }), 120);
  });
  on('find', 'keydown', onFindKey);
  on('search', 'submit', (e) => e.preventDefault());
  on('regex', 'click', () => go({ regex: !state.regex }));
  on('next', 'click', () => step(1));
  on('prev', 'click', () => step(-1));
  on('flame', 'click', () => go({ icicle: false }));
  on('icicle', 'click', () => go({ icicle: true }));
  on('by-name', 'click', () => go({ bysize: false }));
  on('by-size', 'click', () => go({ bysize: true }));
  on('callers', 'click', () => toggleCallers(-1));
  on('reset', 'click', () => KEYS[0]());
  on('value', 'change', () => chooseValue($('value').value));
  on('theme', 'click', switchTheme);
  on('help-open', 'click', KEYS['?']);
  on('detail-find', 'click', () => tree.frame[cursor] >= 0 && toggleFind(data.names[tree.frame[cursor]]));
  on('detail-callers', 'click', () => go({ callers: tree.frame[cursor], zoom: 0 }, true));
  on('more', 'click', () => { shown += 200; showRows(false); });
  for (const th of document.querySelectorAll('th[data-sort] button')) {
    th.addEventListener('click', () => go({ sort: th.parentNode.dataset.sort }));
  }
  addEventListener('popstate', () => apply(readHash())); // back, forward, and addresses typed in
  new ResizeObserver(() => { view.resize(false); view.redraw(); }).observe(panel);
  for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
    matchMedia(query).addEventListener('change', () => { repaint(); showRows(false); });
  }
  let theme; // on the screen; paper is light
  const print = (to) => { document.documentElement.dataset.theme = to; repaint(); view.draw(); };
  addEventListener('beforeprint', () => { theme = document.documentElement.dataset.theme; print('light'); });
  addEventListener('afterprint', () => print(theme ?? ''));
}

async function main() {
  try {
    const theme = localStorage.getItem('perfbeads-theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  } catch (e) { /* as above */ }
  document.documentElement.classList.add('alive');
  packed = await decode($('data').textContent);
  $('data').remove();
  data = packed.json;
  deriveFrames();
  if (data.byLine) $('functions-title').textContent = 'Functions by line';
  DEFAULTS.value = data.values[data.first].type;
  $('value').replaceChildren(...data.values.map((v) => {
    const option = element('option', '', v.label);
    option.value = v.type;
    return option;
  }));
  for (const e of document.querySelectorAll('.measure')) e.hidden = data.values.length < 2;
  setValue(DEFAULTS.value);
  const nothing = !down.total[0];
  for (const e of document.querySelectorAll('.bar, #graph, .under, nav')) e.hidden = nothing;
  $('empty').hidden = !nothing;
  if (nothing) document.querySelector('#functions').closest('section').hidden = true;
  listen();
  repaint();
  apply(readHash(), false);
  // For the console and the tests: what is on show, and where.
  globalThis.perfbeads = { look: () => ({ data, frames, down, tree, state, paint, cursor }), box: (i) => view.box(i) };
}

main().catch((e) => {
  $('empty').hidden = false;
  $('empty').textContent = `This page needs a browser of 2024 or later (${e.message}).`;
});
