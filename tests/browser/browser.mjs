// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// The flame graph page in a real browser: node browser.mjs WHAT...
//
//   WHAT  a program: it is make_pages, and its pages get every check
//         a directory: pages that make_pages wrote
//         a file: a page of any profile, which gets the checks that hold for every page
//
// CHROMIUM names the browser (default: chromium on the PATH). A line per test, a count, and exit status
// 0 if all passed, 1 if not, 2 if nothing could be tested. No test depends on how long anything takes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-component-update',
  '--disable-background-networking', '--disable-sync'];
const WIDE = { width: 1600, height: 1000 };
const NARROW = { width: 800, height: 900 };

let browser;
let fixtures; // directory
const tests = [];
const test = (name, run) => tests.push({ name, run });

function findChromium() {
  const names = process.env.CHROMIUM ? [process.env.CHROMIUM]
    : process.env.PATH.split(':').flatMap((dir) => ['chromium', 'chromium-browser', 'google-chrome'].map((n) => join(dir, n)));
  return names.find((name) => {
    try {
      accessSync(name, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// Opens a page, hands it to @run, and holds it to what every page promises: no message on the console, no
// error, no policy violated, nothing loaded but the file itself; @expected: faults that the test provokes.
async function open(file, options, run) {
  const { hash = '', ready = true, expected = /^$/, ...context } = options;
  const ctx = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce', ...context });
  const page = await ctx.newPage();
  page.setDefaultTimeout(10000); // how long a page that hangs may hold up the rest
  const url = pathToFileURL(file.includes('/') ? file : join(fixtures, `${file}.html`)).href;
  const faults = [];
  page.on('console', (m) => faults.push(`console: ${m.text()}`));
  page.on('pageerror', (e) => faults.push(`error: ${e.stack}`));
  page.on('dialog', (d) => { faults.push('a dialog'); d.dismiss(); });
  page.on('request', (r) => {
    if (r.url().split('#')[0] !== url && !r.url().startsWith('data:')) faults.push(`request: ${r.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective}`));
  });
  try {
    await page.goto(url + hash);
    if (ready) await page.waitForFunction(() => globalThis.perfbeads);
    await run(page, ctx);
    assert.deepEqual(faults.filter((f) => !expected.test(f)), []);
  } finally {
    await ctx.close();
  }
}

// The node of a path of names from the root, and where it is in the window.
async function nodeAt(page, ...names) {
  const found = await page.evaluate((path) => {
    const { data, tree } = perfbeads.look();
    let node = 0;
    for (const name of path) {
      let child = node + 1;
      while (child < tree.end[node] && data.names[tree.frame[child]] !== name) child = tree.end[child];
      if (child >= tree.end[node]) return null;
      node = child;
    }
    const panel = document.getElementById('graph').getBoundingClientRect();
    const box = perfbeads.box(node);
    return { node, total: tree.total[node], self: tree.self[node], left: box.left, width: box.width,
      x: panel.left + box.left + box.width / 2, y: panel.top + box.top + 8, top: box.top };
  }, names);
  assert.ok(found, `no path ${names.join(';')}`);
  return found;
}

const CALL = ['redis-server', '__libc_start_main', 'main', 'aeMain', 'aeProcessEvents', 'readQueryFromClient',
  'processInputBuffer', 'processCommand', 'call'];
const item = (page) => page.textContent('[role=treeitem]');
const text = async (page, selector) => (await page.textContent(selector)).replace(/\u00a0/g, ' ').trim();
const plain = (s) => s.replace(/\u00a0/g, ' ');
const shownPath = (page) => page.locator('#path button').allTextContents();

async function search(page, what) {
  await page.fill('#find', what);
  await page.waitForFunction((want) => perfbeads.look().state.find === want, what);
}

async function axe(page, what) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => axe.run());
  const list = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
  assert.deepEqual(list, [], what);
}

// ---------------------------------------------------------------- every page

function anyPage(file) {
  const name = basename(file, '.html');
  test(`${name}: opens from a file without a message, an error or a request`, () => open(file, { ready: false }, async (page) => {
    await page.waitForFunction(() => globalThis.perfbeads);
    assert.match(await page.title(), /^\w+: ./);
    assert.ok((await text(page, '.ledger')).length > 10);
    const policy = await page.getAttribute('meta[http-equiv=Content-Security-Policy]', 'content');
    assert.match(policy, /default-src 'none'/);
  }));
  test(`${name}: the browser blocks the page from the network`, () => open(file, { expected: /^console: .*(Content Security Policy|connect-src)/ }, async (page) => {
    const blocked = await page.evaluate(() => new Promise((done) => {
      document.addEventListener('securitypolicyviolation', (e) => done(e.violatedDirective));
      fetch('https://example.invalid/').catch(() => {});
    }));
    assert.equal(blocked, 'connect-src');
  }));
  for (const colorScheme of ['light', 'dark']) {
    test(`${name}: axe finds nothing to object to, ${colorScheme}`, () => open(file, { colorScheme }, (page) => axe(page, name)));
  }
}

// ---------------------------------------------------------------- the pages of make_pages

function fixturePages() {
  test('a search counts nested matches once', () => open('server', {}, async (page) => {
    await search(page, 'dictfind');
    assert.equal(await text(page, '#found'), '26.0 % matched');
    await search(page, 'redis');
    assert.equal(await text(page, '#found'), '100.0 % matched');
    await search(page, 'nothing of that name');
    assert.equal(await text(page, '#found'), '0.0 % matched');
    assert.ok(await page.isVisible('#none'));
  }));

  test('a search may be a regular expression, and a broken one says so', () => open('server', {}, async (page) => {
    await search(page, '^(dictFind|siphash)$');
    assert.equal(await text(page, '#found'), '0.0 % matched');
    await page.click('#regex');
    assert.equal(await text(page, '#found'), '26.0 % matched');
    assert.equal(await page.locator('#rows tr').count(), 2);
    await search(page, '(');
    assert.equal(await text(page, '#found'), 'not a regular expression');
  }));

  test('next and previous walk through the matches', () => open('server', {}, async (page) => {
    await search(page, 'dictFind');
    await page.press('#find', 'Enter');
    const first = await page.evaluate(() => perfbeads.look().cursor);
    await page.press('#find', 'Enter');
    const second = await page.evaluate(() => perfbeads.look().cursor);
    assert.notEqual(first, second);
    await page.press('#find', 'Shift+Enter');
    assert.equal(await page.evaluate(() => perfbeads.look().cursor), first);
    assert.match(await item(page), /^dictFind, /);
  }));

  test('the table counts recursion once, sorts, and filters with the search', () => open('server', {}, async (page) => {
    const row = async (n) => (await page.locator('#rows tr').nth(n).locator('th, td').allTextContents()).map(plain);
    assert.deepEqual((await row(0)).slice(0, 6), ['dictFind', 'redis-server', '1,780', '17.8 %', '2,600', '26.0 %']);
    await page.click('th[data-sort=total] button');
    assert.equal((await row(0))[4], '9,590');
    assert.equal(await page.getAttribute('th[data-sort=total]', 'aria-sort'), 'descending');
    await page.click('th[data-sort=name] button');
    assert.equal((await row(0))[0], '0x7f31aa');
    await search(page, 'siphash');
    assert.equal(await page.locator('#rows tr').count(), 1);
    await page.click('#rows .name');
    assert.equal(await page.inputValue('#find'), '');
  }));

  test('a click zooms, the path and the address follow, and back returns', () => open('server', {}, async (page) => {
    const call = await nodeAt(page, ...CALL);
    await page.mouse.click(call.x, call.y);
    assert.equal((await shownPath(page)).at(-1), 'call');
    assert.equal((await shownPath(page))[0], 'all');
    assert.match(page.url(), new RegExp(`#zoom=${call.node}$`));
    const zoomed = await nodeAt(page, ...CALL);
    assert.equal(zoomed.left, 0);
    assert.equal(zoomed.top, call.top, 'the box stays under the pointer');
    assert.ok(zoomed.width > 1500);
    const get = await nodeAt(page, ...CALL, 'getCommand');
    await page.mouse.click(get.x, get.y);
    await page.goBack();
    assert.equal((await shownPath(page)).at(-1), 'call');
    await page.keyboard.press('Backspace');
    await page.waitForFunction(() => perfbeads.look().state.zoom === 0);
    assert.deepEqual(await shownPath(page), ['all']);
  }));

  test('a zoom is undone by the button, by 0, by Esc, and by a click on a caller', () => open('server', {}, async (page) => {
    const zoom = () => page.evaluate(() => perfbeads.look().state.zoom);
    for (const undo of [() => page.click('#reset'), () => page.keyboard.press('0'), () => page.keyboard.press('Escape'),
      async () => { const root = await nodeAt(page); await page.mouse.click(root.x, root.y); },
      () => page.click('#path li:first-child button')]) {
      const call = await nodeAt(page, ...CALL);
      await page.mouse.click(call.x, call.y);
      assert.equal(await zoom(), call.node);
      await undo();
      assert.equal(await zoom(), 0);
    }
  }));

  test('the address restores zoom, search, direction and order', () => open('server', {}, async (page, ctx) => {
    const call = await nodeAt(page, ...CALL);
    await page.mouse.click(call.x, call.y);
    await search(page, 'mal&loc=1');
    await search(page, 'malloc');
    await page.click('#icicle');
    await page.click('#by-size');
    const before = await page.evaluate(() => perfbeads.look().state);
    const again = await ctx.newPage();
    await again.goto(page.url());
    await again.waitForFunction(() => globalThis.perfbeads);
    assert.deepEqual(await again.evaluate(() => perfbeads.look().state), before);
    assert.equal(await text(again, '#found'), await text(page, '#found'));
  }));

  test('an address that makes no sense shows everything', async () => {
    for (const hash of ['#zoom=999999999&callers=-7', '#zoom=x&sort=__proto__', '#%', '#callers=99999&regex&find=(']) {
      await open('server', { hash }, async (page) => {
        assert.deepEqual(await shownPath(page), ['all']);
      });
    }
  });

  test('the keyboard reaches everything the mouse does', () => open('server', {}, async (page) => {
    await page.focus('#graph');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowUp');
    assert.equal(plain(await item(page)), 'main, 95.9 %, 9,590 samples');
    assert.equal(await page.getAttribute('#graph', 'aria-activedescendant'), await page.getAttribute('[role=treeitem]', 'id'));
    assert.equal(await page.getAttribute('[role=treeitem]', 'aria-level'), '4');
    assert.ok(await page.isVisible('#tip'));
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowUp');
    assert.equal(plain(await item(page)), 'readQueryFromClient, 60.8 %, 6,080 samples');
    await page.keyboard.press('ArrowLeft');
    assert.match(await item(page), /^processTimeEvents, /);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    assert.equal((await shownPath(page)).at(-1), 'readQueryFromClient');
    await page.keyboard.press('ArrowDown');
    assert.equal((await shownPath(page)).at(-1), 'aeProcessEvents', 'the view follows the cursor out of the zoom');
    await page.keyboard.press('Escape');
    assert.match(await item(page), /^all, 100.0/);
    await page.keyboard.press('i');
    await page.keyboard.press('ArrowDown');
    assert.match(await item(page), /^redis-server, /);
  }));

  test('keys open the search and the help, and Ctrl F twice is the browser\u2019s', () => open('server', {}, async (page) => {
    await page.keyboard.press('/');
    const focused = () => page.evaluate(() => document.activeElement.id);
    assert.equal(await focused(), 'find');
    await page.keyboard.type('0c?/');
    assert.equal(await page.inputValue('#find'), '0c?/', 'keys are text while typing');
    const prevented = await page.evaluate(() => !document.getElementById('find').dispatchEvent(
      new KeyboardEvent('keydown', { key: 'f', ctrlKey: true, bubbles: true, cancelable: true })));
    assert.equal(prevented, false);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    assert.equal(await focused(), 'graph');
    await page.keyboard.press('Control+f');
    assert.equal(await focused(), 'find');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    assert.ok(await page.isVisible('#help'));
    await axe(page, 'help');
    await page.keyboard.press('Escape');
    assert.ok(!(await page.isVisible('#help')));
  }));

  test('the tooltip tells name, place and numbers, and never lies under the pointer', () => open('server', { viewport: NARROW }, async (page) => {
    for (const path of [CALL, CALL.slice(0, 2), [...CALL, 'setCommand']]) {
      const node = await nodeAt(page, ...path);
      await page.mouse.move(node.x, node.y);
      const tip = await text(page, '#tip');
      assert.ok(tip.startsWith(path.at(-1)));
      assert.ok(tip.includes(node.total.toLocaleString('en')));
      const box = await page.locator('#tip').boundingBox();
      const inside = node.x >= box.x && node.x <= box.x + box.width && node.y >= box.y && node.y <= box.y + box.height;
      assert.ok(!inside && box.x >= 0 && box.x + box.width <= NARROW.width);
    }
  }));

  test('callers of a function count its outermost calls', () => open('server', {}, async (page) => {
    await page.click('#rows tr:first-child .small');
    assert.equal(await text(page, '#callers'), 'Callers of dictFind');
    assert.equal((await nodeAt(page)).total, 2600);
    assert.equal((await nodeAt(page, 'lookupKeyReadWithFlags')).total, 2020);
    assert.equal((await nodeAt(page, 'setGenericCommand', 'setCommand', 'call')).total, 580);
    await page.click('#callers');
    assert.equal((await nodeAt(page)).total, 10000);
    await page.click('#callers');
    assert.equal((await nodeAt(page, 'dictFind')).total, 1780);
    assert.equal((await nodeAt(page)).total, 10000);
    await axe(page, 'callers');
  }));

  test('siblings go by name or by size', () => open('server', {}, async (page) => {
    const left = async (name) => (await nodeAt(page, 'redis-server', '__libc_start_main', 'main', 'aeMain', 'aeProcessEvents', name)).left;
    assert.ok(await left('aeApiPoll') < await left('readQueryFromClient'));
    await page.click('#by-size');
    assert.ok(await left('readQueryFromClient') < await left('beforeSleep'));
    assert.ok(await left('beforeSleep') < await left('processTimeEvents'));
  }));

  test('the root is at the bottom, or at the top of an icicle', () => open('server', {}, async (page) => {
    const above = async () => (await nodeAt(page, ...CALL)).top < (await nodeAt(page)).top;
    assert.equal(await above(), true);
    await page.click('#icicle');
    assert.equal(await above(), false);
  }));

  test('text on every shade of every kind has a contrast of 4.5 in both themes', async () => {
    for (const colorScheme of ['light', 'dark']) {
      await open('server', { colorScheme }, async (page) => {
        const low = await page.evaluate(() => {
          const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
          const luminance = (colour) => {
            c.fillStyle = colour;
            c.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...c.getImageData(0, 0, 1, 1).data].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const contrast = (a, b) => {
            const [x, y] = [luminance(a), luminance(b)];
            return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
          };
          const { paint } = perfbeads.look();
          const pairs = Object.values(paint.fills).flat().map((fill) => [fill, paint.ink]);
          pairs.push([paint.root, paint.ink], [paint.match, paint['ink-match']], [paint.faded, paint['ink-faded']]);
          return { n: pairs.length, low: pairs.filter(([a, b]) => contrast(a, b) < 4.5) };
        });
        assert.ok(low.n > 100);
        assert.deepEqual(low.low, [], colorScheme);
      });
    }
  });

  test('kinds of code are told apart with every kind of colour vision', async () => {
    // Machado, Oliveira, Fernandes 2009, severity 1; linear RGB
    const VISIONS = {
      normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
      deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
      tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
    };
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const lab = (hex, m) => {
      const rgb = [1, 3, 5].map((i) => linear(parseInt(hex.slice(i, i + 2), 16) / 255));
      const [r, g, b] = [0, 3, 6].map((i) => Math.min(1, Math.max(0, m[i] * rgb[0] + m[i + 1] * rgb[1] + m[i + 2] * rgb[2])));
      const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
      const [x, y, z] = [f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047), f(0.2126 * r + 0.7152 * g + 0.0722 * b),
        f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)];
      return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
    };
    for (const colorScheme of ['light', 'dark']) {
      await open('server', { colorScheme }, async (page) => {
        const fills = await page.evaluate(() => perfbeads.look().paint.fills);
        for (const [vision, matrix] of Object.entries(VISIONS)) {
          for (const [one, other] of [['user', 'kernel'], ['user', 'jit'], ['user', 'inlined'], ['kernel', 'jit'],
            ['kernel', 'inlined'], ['jit', 'inlined'], ['process', 'user'], ['process', 'kernel'], ['process', 'jit']]) {
            const near = Math.min(...fills[one].flatMap((a) => fills[other].map((b) => Math.hypot(...lab(a, matrix).map((v, k) => v - lab(b, matrix)[k])))));
            assert.ok(near >= 6, `${colorScheme}, ${vision}: ${one} and ${other} differ by ${near.toFixed(1)}`);
          }
        }
      });
    }
  });

  test('the theme follows the system, and the button overrules it', () => open('server', { colorScheme: 'dark' }, async (page) => {
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.click('#theme');
    assert.notEqual(await background(), dark);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.click('#theme');
    assert.equal(await background(), dark);
  }));

  test('boxes are painted in the colour of their kind', () => open('server', {}, async (page) => {
    const pixel = async (...path) => {
      const node = await nodeAt(page, ...path);
      return page.evaluate(({ left, top }) => {
        const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        c.drawImage(document.getElementById('canvas'), -left - 3, -top - 3);
        return [...c.getImageData(0, 0, 1, 1).data];
      }, node);
    };
    const READ = ['redis-server', '__libc_start_main', 'main', 'aeMain', 'aeProcessEvents', 'aeApiPoll', 'epoll_wait'];
    const user = await pixel(...READ);
    const kernel = await pixel(...READ, 'entry_SYSCALL_64_after_hwframe');
    assert.ok(user[0] > user[2] + 40, `warm: ${user}`);
    assert.ok(kernel[2] > kernel[0] + 40, `blue: ${kernel}`);
    assert.deepEqual(await page.locator('#legend li').allTextContents(),
      ['thread', 'user code', 'inlined', 'JIT', 'kernel', 'stack cut short']);
  }));

  test('forced colours use the system\u2019s', () => open('server', { forcedColors: 'active', hash: '#find=dictFind' }, async (page) => {
    assert.ok(await page.evaluate(() => perfbeads.look().paint.plain));
    await axe(page, 'forced colours');
  }));

  test('axe has no objection to a zoomed and searched page, wide or narrow', async () => {
    for (const [viewport, colorScheme] of [[WIDE, 'light'], [NARROW, 'dark']]) {
      await open('server', { viewport, colorScheme, hash: '#zoom=9&find=l&icicle&bysize' }, async (page) => {
        await page.focus('#graph');
        await page.keyboard.press('ArrowDown');
        await axe(page, colorScheme);
      });
    }
  });

  test('hostile names are shown as text and do nothing', () => open('hostile', {}, async (page) => {
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
    const names = await page.evaluate(() => perfbeads.look().data.names);
    assert.ok(names.includes('</script><script>window.pwned=1</script>'));
    assert.ok(names.includes('__proto__') && names.includes('(no name)'));
    assert.ok(!names.some((n) => /[\x00-\x1f\x7f\u2028\u202e]/.test(n)));
    for (let i = 0; i < names.length; i++) {
      await page.focus('#graph');
      if (i === 0) for (const key of ['Home', 'ArrowUp', 'ArrowUp']) await page.keyboard.press(key);
      await page.keyboard.press(i % 2 ? 'ArrowLeft' : 'Enter');
    }
    await page.keyboard.press('Escape');
    await search(page, '<img src=x onerror=window.pwned=1>');
    for (let i = 0; i < names.length; i++) {
      await search(page, names[i]);
      if (await page.locator('#rows .small').count()) await page.locator('#rows .small').first().click();
    }
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
    assert.deepEqual(await page.evaluate(() => [document.scripts.length, document.querySelectorAll('body img, body svg').length]), [1, 0]);
    assert.equal(await page.title(), `cpuflame: <b onclick=a>'", cgroup /</title><script>window.pwned=1</script>`);
  }));

  test('without scripts there is a table of the top functions', () => open('server', { javaScriptEnabled: false, ready: false }, async (page) => {
    assert.ok(await page.isVisible('.static'));
    assert.equal(await page.locator('.static tbody tr').count(), 20);
    assert.deepEqual((await page.locator('.static tbody tr').first().locator('th, td').allTextContents()),
      ['dictFind', 'redis-server', '1,780', '17.8', '2,600', '26.0']);
    assert.ok(!(await page.isVisible('#graph')));
    assert.ok(await page.isVisible('.ledger'));
  }));

  test('losses and the ledger are above the graph', () => open('server', {}, async (page) => {
    assert.match(await text(page, '.notice'), /^12 events were lost, 0\.12 % of all: .*ring buffer/);
    assert.match(await text(page, '.ledger'), /10,012 samples: 10,000 kept/);
    assert.match(await text(page, '.facts'), /10,000 samples.*30\.0 s.*cpu-clock at 99 Hz/);
  }));

  test('an empty profile says so, and offers nothing that cannot work', () => open('empty', {}, async (page) => {
    assert.ok(await page.isVisible('#empty'));
    for (const id of ['#graph', '#find', '#functions']) assert.ok(!(await page.isVisible(id)), id);
    for (const key of ['ArrowUp', 'c', 'n', '0', 'i', 'o', 'Backspace', '/']) await page.keyboard.press(key);
  }));

  test('a profile of one frame is drawn, in bytes', () => open('single', {}, async (page) => {
    await page.focus('#graph');
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowLeft']) await page.keyboard.press(key);
    assert.equal(plain(await item(page)), 'main, 100.0 %, 5.00 MiB');
  }));

  test('a recursion of 1000 levels scrolls, and its top is reached by keyboard', () => open('deep', { viewport: NARROW }, async (page) => {
    await page.focus('#graph');
    for (let i = 0; i < 1100; i++) await page.keyboard.press('ArrowUp');
    assert.match(await item(page), /^leaf, /);
    const leaf = await page.evaluate(() => perfbeads.box(perfbeads.look().cursor));
    const panel = await page.locator('#graph').boundingBox();
    assert.ok(leaf.top >= 0 && leaf.top < panel.height);
    assert.ok((await page.locator('#canvas').boundingBox()).height <= NARROW.height);
    await page.keyboard.press('Enter');
    assert.ok(await page.locator('#path li').count() <= 8);
    assert.deepEqual(await page.locator('#rows tr').first().locator('.num').first().textContent(), '10');
  }));

  test('long names are cut in their box and whole in the tooltip', () => open('names', { viewport: NARROW }, async (page) => {
    const name = await page.evaluate(() => perfbeads.look().data.names.find((n) => n.length > 200));
    const node = await nodeAt(page, 'rocksdb:low', 'clone3', name);
    await page.mouse.move(node.x, node.y);
    assert.equal(await page.textContent('#tip .name'), name);
    const box = await page.locator('#tip').boundingBox();
    assert.ok(box.width <= NARROW.width - 16);
    const short = await page.evaluate(() => {
      const { data, frames } = perfbeads.look();
      return Object.fromEntries(data.names.map((n, f) => [n, frames.short[f]]));
    });
    assert.equal(short[name], 'std::__detail::_Hashtable_alloc::_M_allocate_node');
    assert.equal(short['operator new(unsigned long)'], 'operator new');
    assert.equal(short['(anonymous namespace)::Compactor::operator()(rocksdb::Slice const&) const'], 'Compactor::operator()');
    assert.equal(short['std::ostream& operator<< <std::char_traits<char> >(std::ostream&, char const*)'], 'std::ostream& operator<<');
  }));

  const SERVE = ['storaged', 'main', 'storage::Server::serve'];
  const LOOKUP = [...SERVE, 'storage::Index::lookup'];
  const TREE = 'std::_Rb_tree<int, std::pair<int const, std::string> >::_M_lower_bound';
  const nameOf = (page, name) => page.evaluate((n) => perfbeads.look().data.names.find((x) => x.startsWith(n)), name);

  test('an inlined function is told apart in the graph, the tooltip, the table and in speech', () => open('source', {}, async (page) => {
    const node = await nodeAt(page, ...LOOKUP, TREE);
    assert.equal(node.total, 430);
    await page.mouse.move(node.x, node.y);
    assert.match(await text(page, '#tip'), /inlined into its caller/);
    await page.mouse.click(node.x, node.y);
    assert.equal(plain(await item(page)), `${TREE}, inlined, 43.0 %, 430 samples`);
    assert.match(await text(page, '#detail-where'), /inlined into its caller$/);
    await page.keyboard.press('Escape');
    const lookup = await nodeAt(page, ...LOOKUP);
    await page.mouse.move(lookup.x, lookup.y);
    assert.doesNotMatch(await text(page, '#tip'), /inlined/);
    // the same function, inlined here and called there, is two rows
    await search(page, 'findImpl');
    assert.deepEqual(await page.locator('#rows .kind').allTextContents(), ['inlined']);
    assert.equal(await page.locator('#rows tr').count(), 2);
    assert.deepEqual(await page.locator('#legend .inlined').allTextContents(), ['inlined']);
    // the notch: dark at the lower left, and only of what is inlined
    await page.fill('#find', '');
    await page.waitForFunction(() => !perfbeads.look().state.find);
    await page.mouse.move(0, 0); // a box under the pointer has an outline
    const dark = async (...path) => {
      const box = await nodeAt(page, ...path);
      return page.evaluate(({ left, top }) => {
        const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        c.drawImage(document.getElementById('canvas'), -left - 4, -top - 18);
        return c.getImageData(0, 0, 1, 1).data[0] < 80;
      }, box);
    };
    assert.equal(await dark(...LOOKUP, TREE), true);
    assert.equal(await dark(...LOOKUP), false);
  }));

  test('a source file is cut on the left in the tooltip and whole in the details', () => open('source', { viewport: NARROW }, async (page) => {
    const name = await nameOf(page, 'folly::');
    assert.ok(name.length > 300);
    const node = await nodeAt(page, ...SERVE, name);
    await page.mouse.move(node.x, node.y);
    const tip = await page.locator('#tip .where').allTextContents();
    assert.deepEqual(tip, ['/usr/bin/redis-server', '…/third_party/folly/folly/container/detail/F14Table.h:1402']);
    await page.mouse.click(node.x, node.y);
    assert.match(await text(page, '#detail-where'), /  \/home\/build\/agent-7\/.*\/detail\/F14Table\.h:1402$/);
    assert.equal(await text(page, '#detail-name'), name);
    await page.setViewportSize({ width: 320, height: 700 }); // where the name has to scroll
    await page.focus('#graph');
    await page.keyboard.press('Home');
    assert.equal(await page.getAttribute('#detail-name', 'tabindex'), '0');
    await axe(page, 'details');
  }));

  test('a search finds functions by the name of their file, and by a path', () => open('source', {}, async (page) => {
    await search(page, 'wal.rs');
    assert.equal(await text(page, '#found'), '19.0 % matched');
    await search(page, 'stl_tree.h');
    assert.equal(await text(page, '#found'), '43.0 % matched');
    await search(page, 'workspace');
    assert.equal(await text(page, '#found'), '0.0 % matched');
    await search(page, 'workspace/storage');
    assert.equal(await text(page, '#found'), '26.0 % matched');
  }));

  test('by line, boxes and rows keep their line when names are cut', () => open('lines', { viewport: NARROW }, async (page) => {
    assert.equal(await text(page, '#functions-title'), 'Functions by line');
    const lookup = await nodeAt(page, 'storaged', 'main:30', 'storage::Server::serve:97', 'storage::Index::lookup:60');
    assert.equal(lookup.total, 430);
    const drawn = await page.evaluate(() => {
      const c = document.getElementById('canvas').getContext('2d');
      const texts = [];
      c.fillText = (t) => texts.push(t);
      document.getElementById('graph').dispatchEvent(new Event('scroll'));
      return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(texts))));
    });
    assert.ok(drawn.includes('std::_Rb_tree::_M_lower_bound:1955'), drawn.join(' | '));
    assert.ok(drawn.some((t) => /^\w+….*:1957$/.test(t)), drawn.join(' | '));
    const shades = await page.evaluate(() => {
      const { data, frames } = perfbeads.look();
      return data.names.map((n, f) => (/_M_lower_bound/.test(n) ? frames.shade[f] : -1)).filter((s) => s >= 0);
    });
    assert.equal(shades.length, 2);
    assert.equal(shades[0], shades[1], 'the lines of a function have its colour');
    await page.locator('#rows .name', { hasText: ':1957' }).click();
    assert.equal(await text(page, '#found'), '12.0 % matched');
    const row = page.locator('#rows tr').first();
    assert.equal(await row.locator('.name').textContent(), `${TREE}:1957`);
    const [cut, line] = await row.locator('.name').evaluate((b) => {
      const range = document.createRange();
      range.selectNode(b.lastChild);
      return [b.firstChild.scrollWidth > b.firstChild.clientWidth, range.getBoundingClientRect().right <= b.getBoundingClientRect().right + 1];
    });
    assert.ok(cut && line, 'the name is cut, its line is not');
    await page.locator('#rows .small').first().evaluate((b) => b.click());
    assert.match(await text(page, '#callers'), /:1957$/);
  }));

  test('Rust names are short without their generic parts', () => open('source', {}, async (page) => {
    const short = await page.evaluate(() => Object.fromEntries([
      '<kv::wal::Segment as core::ops::drop::Drop>::drop', '<alloc::vec::Vec<T,A> as core::iter::IntoIterator>::into_iter',
      'core::slice::<impl [T]>::iter', 'kv::wal::Segment::<R>::replay::{{closure}}', '<&mut T as std::io::Read>::read',
      '<(A,B) as core::fmt::Debug>::fmt', '<fn() -> T as kv::Make<T>>::make', '<lambda(int)>', '<unclosed', '<a>b', '<>::x',
      '<<T as A>::B as C>::d', 'alloc::slice::stable_sort::<T, F>', '<[alloc::string::String]>::sort_by::<F>',
      'core::[T]::f::<[u8; 4]>'].map((n) => [n, shortName(n)])));
    assert.deepEqual(Object.values(short), ['kv::wal::Segment::drop', 'alloc::vec::Vec::into_iter', 'core::slice::iter',
      'kv::wal::Segment::replay::{{closure}}', '&mut T::read', '(A,B)::fmt', 'T::make', '<lambda(int)>', '<unclosed', 'b', '::x', 'T::B::d',
      'alloc::slice::stable_sort', '[String]::sort_by', 'core::f']);
  }));

  test('20,000 stacks and 400,000 nodes open, search and turn around, in less than 2 MB', async () => {
    for (const name of ['wide', 'tall']) {
      assert.ok(statSync(join(fixtures, `${name}.html`)).size <= 2e6);
      await open(name, {}, async (page) => {
        const { n, total } = await page.evaluate(() => ({ n: perfbeads.look().tree.n, total: perfbeads.look().tree.total[0] }));
        assert.ok(n > 390000);
        await search(page, 'function_7(');
        await page.click('#by-size');
        await page.click('#callers');
        assert.equal(await page.evaluate(() => perfbeads.look().tree.total[0]), total);
        // what is drawn is bounded by the pixels, not by the nodes
        const calls = await page.evaluate(() => {
          const c = document.getElementById('canvas').getContext('2d');
          let count = 0;
          const fillRect = c.fillRect.bind(c);
          c.fillRect = (...a) => { count++; fillRect(...a); };
          document.getElementById('graph').dispatchEvent(new Event('scroll'));
          return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(count))));
        });
        assert.ok(calls < 200000, `${calls} rectangles`);
      });
    }
  });

  test('a heap can be shown by each of its values, and the place stays', () => open('heap', {}, async (page) => {
    const options = await page.locator('#value option').allTextContents();
    assert.equal(options.length, 12);
    assert.deepEqual(options.slice(0, 4), ['allocations', 'allocated bytes', 'live blocks', 'live bytes']);
    assert.equal(await page.inputValue('#value'), 'alloc_space');
    assert.equal(await text(page, '#total'), '108 MiB allocated');
    const load = await nodeAt(page, 'kvd', 'main', 'loadTable');
    assert.equal(load.total, 41943040 + 3686400 + 800000);
    await page.mouse.click(load.x, load.y);
    await page.selectOption('#value', { label: 'live blocks' });
    assert.equal(await text(page, '#total'), '50,134 live blocks');
    assert.equal((await shownPath(page)).at(-1), 'loadTable');
    assert.equal((await nodeAt(page, 'kvd', 'main', 'loadTable')).total, 50052);
    assert.match(page.url(), /value=inuse_objects/);
    assert.match(await text(page, '#scope'), /in live blocks$/);
    // what weighs nothing by a value is not there by it; its nearest caller is
    await page.selectOption('#value', 'temporary_objects');
    assert.equal((await shownPath(page)).at(-1), 'main');
    await page.goBack();
    assert.equal(await page.inputValue('#value'), 'inuse_objects');
    assert.equal((await shownPath(page)).at(-1), 'loadTable');
    await page.focus('#graph');
    await page.keyboard.press('v');
    assert.equal(await page.inputValue('#value'), 'inuse_space');
    assert.match(plain(await item(page)), /^loadTable, 100\.0 %, 32\.8 MiB$/);
    await page.keyboard.press('Shift+V');
    await page.keyboard.press('c');
    await page.keyboard.press('v');
    assert.equal(await page.evaluate(() => perfbeads.look().tree.total[0]), 34436352);
    await page.selectOption('#value', 'lifetime');
    assert.equal(await text(page, '#total'), '45.8 s of lifetime, added up');
  }));

  test('the value is in the address, and one that is not there is ignored', async () => {
    await open('heap', { hash: '#value=leaked_space' }, async (page) => {
      assert.equal(await page.inputValue('#value'), 'leaked_space');
      assert.equal(await text(page, '#total'), '2.00 MiB leaked');
    });
    await open('heap', { hash: '#value=__proto__&zoom=3' }, async (page) => {
      assert.equal(await page.inputValue('#value'), 'alloc_space');
    });
  });

  test('a page of one value offers no choice', () => open('server', {}, async (page) => {
    assert.ok(!(await page.isVisible('#value')));
    await page.keyboard.press('v');
    assert.equal(await text(page, '#total'), '10,000 samples');
    assert.equal(page.url().includes('#'), false);
  }));

  test('paper is light', () => open('server', { colorScheme: 'dark' }, async (page) => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const ink = await page.evaluate(() => {
      dispatchEvent(new Event('beforeprint'));
      const during = document.documentElement.dataset.theme;
      dispatchEvent(new Event('afterprint'));
      return [during, document.documentElement.dataset.theme];
    });
    assert.deepEqual(ink, ['light', '']);
  }));
}

// ---------------------------------------------------------------- main

async function main() {
  const executablePath = findChromium();
  if (!process.argv[2] || !executablePath) {
    console.log(executablePath ? 'usage: node browser.mjs MAKE_PAGES | DIRECTORY | FILE.html...' : 'no chromium found; CHROMIUM names it');
    return 2;
  }
  const made = mkdtempSync(join(tmpdir(), 'perfbeads-pages-'));
  for (const what of process.argv.slice(2).map((w) => resolve(w))) {
    if (what.endsWith('.html')) {
      anyPage(what);
      continue;
    }
    fixtures = statSync(what).isDirectory() ? what : made;
    if (fixtures === made) execFileSync(what, [made], { stdio: 'inherit' });
    for (const file of readdirSync(fixtures).sort()) anyPage(join(fixtures, file));
    fixturePages();
  }
  browser = await chromium.launch({ executablePath, args: FLAGS });
  let failed = 0;
  for (const { name, run } of tests) {
    try {
      await run();
      console.log(`ok   ${name}`);
    } catch (e) {
      failed++;
      console.log(`FAIL ${name}\n     ${String(e.stack).replaceAll('\n', '\n     ')}`);
    }
  }
  await browser.close();
  rmSync(made, { recursive: true });
  console.log(`${tests.length - failed} of ${tests.length} passed`);
  return failed ? 1 : 0;
}

process.exitCode = await main();
