// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// What the page knows, without a pixel: the packed tree, names and numbers for people, and the sums.
// page.js, which follows in the same script, draws it.
//
//   base64 --zlib--> data (columns by frame) + packed nodes --> makeTree() --> layout()
//                                                                    \--> invert(), hotspots()
'use strict';

const KINDS = ['process', 'user', 'kernel', 'jit', 'inlined', 'marker', 'target']; // enum pb_frame_kind
const SHADES = 24; // of each kind's colour

// ---------------------------------------------------------------- data

let data; // what html.c wrote: names, modules, files, lines, kinds by frame; values, first; byLine. value: the one on show
let frames; // derived, by frame: the function, its line as part of the name, the short name, the shade

// The stream is zlib: JSON, a zero byte, then for each node in preorder three columns of LEB128
// numbers: levels to go up before it, frame + 1, self; the last again for each value. Columns compress much
// better than rows.
async function decode(base64) {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  const bytes = new Uint8Array(await new Response(inflated).arrayBuffer());
  let at = bytes.indexOf(0) + 1;
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(0, at - 1)));
  json.names = json.names.map((name) => name || '(no name)');
  const number = () => {
    let value = 0;
    let scale = 1; // not <<, which ends at 32 bits
    for (; bytes[at] & 128; scale *= 128) value += (bytes[at++] & 127) * scale;
    return value + bytes[at++] * scale;
  };
  const n = json.nodes;
  const parent = new Uint32Array(n);
  const frame = new Int32Array(n);
  const selves = json.values.map(() => new Float64Array(n));
  for (let i = 1, last = 0; i < n; i++) {
    for (let up = number(); up > 0; up--) last = parent[last];
    parent[i] = last;
    last = i;
  }
  for (let i = 0; i < n; i++) frame[i] = number() - 1;
  for (const self of selves) for (let i = 0; i < n; i++) self[i] = number();
  return { json, parent, frame, selves };
}

// The tree of one value: of all nodes, those that weigh something by it. whole[i] is a node's number among all,
// place[w] where that one is here, or -1.
function treeOf({ parent, frame, selves }, value) {
  const n = parent.length;
  const total = Float64Array.from(selves[value]);
  for (let i = n - 1; i > 0; i--) total[parent[i]] += total[i];
  const whole = Uint32Array.from({ length: n }, (_, i) => i).filter((i) => !i || total[i]);
  const place = new Int32Array(n).fill(-1);
  whole.forEach((w, i) => { place[w] = i; });
  const t = makeTree({ parent: Uint32Array.from(whole, (w) => place[parent[w]]),
    frame: Int32Array.from(whole, (w) => frame[w]), self: Float64Array.from(whole, (w) => selves[value][w]) });
  return Object.assign(t, { whole, place });
}

// Where a node of one value's tree is in another's: itself, or the nearest of its callers that is there.
function sameNode(from, to, node, parent) {
  let w = from.whole[node];
  while (to.place[w] < 0) w = parent[w];
  return to.place[w];
}

// What is needed of a frame again and again. Frames come sorted by name: their order is the ids'. All
// lines of a function have its colour.
function deriveFrames() {
  const tail = data.names.map((_, f) => (data.byLine && data.lines[f] ? `:${data.lines[f]}` : ''));
  const name = data.names.map((label, f) => label.slice(0, label.length - tail[f].length));
  frames = {
    name,
    tail,
    short: name.map(shortName),
    shade: name.map((text, f) => hash(`${text}\0${base(data.modules[f])}`) % SHADES),
  };
}

const base = (path) => path.slice(path.lastIndexOf('/') + 1);

// FNV-1a: the same function has the same colour in every profile.
function hash(text) {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= h >>> 15; // the low bits alone are weak
  return h >>> 0;
}

// A path by its end, from a slash on if there is one near: the start tells least.
function shortPath(path, max) {
  if (path.length <= max) return path;
  const end = path.slice(1 - max);
  const slash = end.indexOf('/');
  return '…' + (slash >= 0 && slash < max / 2 ? end.slice(slash) : end.replace(/^[\udc00-\udfff]/, ''));
}

// Rust: "<kv::Log<R> as core::ops::Drop>::drop" is the drop of kv::Log. Null for other names.
function rustMethod(name) {
  let depth = 0;
  let as = -1;
  for (let i = 0; i < name.length; i++) {
    if (name[i] === '<') depth++;
    else if (name[i] === '>' && name[i - 1] !== '-') depth--;
    else if (depth === 1 && as < 0 && name.startsWith(' as ', i)) as = i;
    if (!depth) return name.startsWith('::', i + 1) ? [name.slice(1, as < 0 ? i : as), name.slice(i + 1)] : null;
  }
  return null;
}

// C++ and Rust names without arguments and template parameters, for boxes that are too narrow.
function shortName(name) {
  if (!/[<(]/.test(name)) return name;
  const method = name[0] === '<' ? rustMethod(name) : null;
  if (method) return shortName(method[0]).replace(/^\[(?:\w+::)*(\w+)\]$/, '[$1]') + shortName(method[1]);
  const text = name.replace(/\(anonymous namespace\)::/g, '').replace(/operator(<<|>>|<=>|<=|>=|<|>|->|\(\)|\[\])/g,
    (_, op) => 'operator' + [...op].map((c) => String.fromCharCode(c.charCodeAt(0) + 0xe000)).join(''));
  let out = '';
  let depth = 0;
  for (const c of text) {
    if (c === '<' || c === '(' || c === '[') depth++;
    if (!depth) out += c;
    if ((c === '>' || c === ')' || c === ']') && depth) depth--;
  }
  out = out.replace(/[\ue000-\ue0ff]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xe000));
  out = out.replace(/ (const|volatile|&&?)+$/g, '').replace(/(::)+/g, '::').replace(/::$/, '').trim(); // Rust: "::<impl T>::", "sort::<T>"
  return out.includes('operator') ? out : out.slice(out.lastIndexOf(' ') + 1) || name;
}

// ---------------------------------------------------------------- numbers

const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

function scaled(value, step, units) {
  let i = 0;
  for (; value >= step && i < units.length - 1; i++) value /= step;
  return `${i && value < 100 ? value.toPrecision(3) : integer.format(value)}\u00a0${units[i]}`;
}

function amount(value) {
  if (data.value.unit === 'nanoseconds') return scaled(value, 1000, ['ns', 'µs', 'ms', 's']);
  if (data.value.unit === 'microseconds') return scaled(value, 1000, ['µs', 'ms', 's']);
  if (data.value.unit === 'bytes') return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
  return integer.format(value);
}

function amountWithUnit(value) {
  if (data.value.unit !== 'count') return amount(value);
  const noun = data.value.label || 'samples';
  return `${amount(value)}\u00a0${value === 1 ? noun.replace(/s( |$)/, '$1') : noun}`;
}

function percent(part, whole) {
  const p = whole > 0 ? (100 * part) / whole : 0;
  if (p > 0 && p < 0.01) return '<\u20090.01\u00a0%';
  return `${p.toFixed(p > 0 && p < 0.1 ? 2 : 1)}\u00a0%`;
}

// ---------------------------------------------------------------- tree

// Nodes are columns in preorder: a subtree is the range [i, end[i]).
function makeTree({ parent, frame, self }) {
  const n = parent.length;
  const t = { n, parent, frame, self, total: Float64Array.from(self), depth: new Uint32Array(n),
    end: new Uint32Array(n), x: new Float64Array(n), level: new Uint32Array(n), start: [] };
  for (let i = 1; i < n; i++) t.depth[i] = t.depth[parent[i]] + 1;
  for (let i = n - 1; i >= 0; i--) {
    t.end[i] = Math.max(t.end[i], i + 1);
    if (!i) break;
    t.total[parent[i]] += t.total[i];
    t.end[parent[i]] = Math.max(t.end[parent[i]], t.end[i]);
  }
  // level[start[d] .. start[d + 1]) are the nodes of depth d, from left to right after layout()
  for (let i = 0; i < n; i++) t.start[t.depth[i] + 1] = (t.start[t.depth[i] + 1] || 0) + 1;
  t.start[0] = 0;
  for (let d = 1; d < t.start.length; d++) t.start[d] += t.start[d - 1];
  t.levels = t.start.length - 1;
  return t;
}

// Gives each node its left edge, in units of the value. A parent is never smaller than its child, so
// that one sort by size puts all parents before their children and all siblings in order.
function layout(t, bySize) {
  const order = Uint32Array.from({ length: t.n }, (_, i) => i);
  if (bySize) order.sort((a, b) => t.total[b] - t.total[a] || a - b);
  const next = new Float64Array(t.n);
  const fill = t.start.slice();
  t.x[0] = 0;
  for (const i of order) {
    if (i) {
      t.x[i] = next[t.parent[i]];
      next[t.parent[i]] += t.total[i];
    }
    next[i] = t.x[i];
    t.level[fill[t.depth[i]]++] = i;
  }
  if (!bySize) return;
  for (let d = 0; d < t.levels; d++) {
    t.level.subarray(t.start[d], t.start[d + 1]).sort((a, b) => t.x[a] - t.x[b] || a - b);
  }
}

// The tree of callers: from the leaf up to the thread. With a function, from its outermost calls up,
// so that recursion counts once; without (-1), from every leaf.
function invert(t, focus) {
  const parent = [0];
  const frame = [focus];
  const self = [0];
  const known = new Map();
  let inside = 0; // end of the focus' outermost call that we are in
  for (let i = 1; i < t.n; i++) {
    if (focus >= 0 && (t.frame[i] !== focus || i < inside)) continue;
    const weight = focus >= 0 ? t.total[i] : t.self[i];
    if (focus >= 0) inside = t.end[i];
    if (!weight) continue;
    let node = 0;
    for (let up = focus >= 0 ? t.parent[i] : i; up; up = t.parent[up]) {
      const key = node * data.names.length + t.frame[up];
      let child = known.get(key);
      if (child === undefined) {
        child = parent.length;
        known.set(key, child);
        parent.push(node);
        frame.push(t.frame[up]);
        self.push(0);
      }
      node = child;
    }
    self[node] += weight;
  }
  return preorder(parent, frame, self);
}

function preorder(parent, frame, self) {
  const n = parent.length;
  const first = new Uint32Array(n); // 0: none
  const next = new Uint32Array(n);
  const byName = Uint32Array.from({ length: n }, (_, i) => i);
  byName.sort((a, b) => frame[b] - frame[a]);
  for (const i of byName) {
    if (!i) continue;
    next[i] = first[parent[i]];
    first[parent[i]] = i;
  }
  const out = { parent: new Uint32Array(n), frame: new Int32Array(n), self: new Float64Array(n) };
  const renamed = new Uint32Array(n);
  for (let i = 0, count = 0; count < n; ) {
    renamed[i] = count;
    out.parent[count] = renamed[parent[i]];
    out.frame[count] = frame[i];
    out.self[count++] = self[i];
    if (first[i]) { i = first[i]; continue; }
    while (i && !next[i]) i = parent[i];
    i = next[i];
  }
  return out;
}

// Self and total by frame below a node; recursion counts once in total.
function hotspots(t, root) {
  const self = new Float64Array(data.names.length);
  const total = new Float64Array(data.names.length);
  const open = new Uint32Array(data.names.length); // calls of it on the path
  const path = [];
  for (let i = root; i < t.end[root]; i++) {
    while (path.length && t.end[path[path.length - 1]] <= i) open[t.frame[path.pop()]]--;
    const f = t.frame[i];
    if (f < 0) continue;
    self[f] += t.self[i];
    if (!open[f]++) total[f] += t.total[i];
    path.push(i);
  }
  return { self, total };
}
