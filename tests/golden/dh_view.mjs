// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// Does valgrind's own viewer take the file? node dh_view.mjs dh_view.js FILE.dhat.json
//
// The script of dh_view.html is loaded as it is, over as much of a page as it touches. What it then shows
// is printed as text.
import { readFileSync } from 'node:fs';
import vm from 'node:vm';

class Element {
  constructor(tag) { Object.assign(this, { tag, childNodes: [], text: '', style: {}, selectedIndex: 0 }); }
  appendChild(child) { this.childNodes.push(child); child.parentNode = this; return child; }
  removeChild(child) { this.childNodes.splice(this.childNodes.indexOf(child), 1); }
  replaceChild(child, old) { this.childNodes[this.childNodes.indexOf(old)] = child; child.parentNode = this; return old; }
  cloneNode() { const copy = new Element(this.tag); copy.parentNode = this.parentNode; return copy; }
  set textContent(text) { this.childNodes = []; this.text = text; }
  get textContent() { return this.text + this.childNodes.map((c) => c.textContent).join(''); }
  get classList() { return { add() {}, remove() {}, toggle() {} }; }
  addEventListener() {}
}

const [, , script, file] = process.argv;
const body = new Element('body');
const context = vm.createContext({
  document: { body, location: { search: '' }, createElement: (tag) => new Element(tag),
    createTextNode: (text) => { const node = new Element('#text'); node.text = text; return node; } },
  URLSearchParams, performance, console, Intl, Map, data: readFileSync(file, 'utf8'),
});
vm.runInContext(`${readFileSync(script, 'utf8')}
onLoad();
gData = JSON.parse(data);
buildTree();
displayTree(0, 0, 0);`, context);
console.log(body.textContent);
