// What every part of the page is made of. Text becomes text nodes, never markup: names are chosen by strangers.

const SVG = "http://www.w3.org/2000/svg";

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value == null) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  return element;
}

/** An element of HTML. */
export const h = (name, attributes, ...children) => made(document.createElement(name), attributes, children);

/** An element of SVG. */
export const s = (name, attributes, ...children) => made(document.createElementNS(SVG, name), attributes, children);

/** A picture of this size, with its meaning in words. */
export const picture = (width, height, words, ...children) =>
  s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words }, ...children);

/** A picture that says nothing which does not stand beside it. */
export const ornament = (width, height, ...children) =>
  s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...children);

export const bar = (x, y, width, height, kind, title) =>
  s("rect", { x, y, width: Math.max(width, 0), height: Math.max(height, 0), class: kind }, title && s("title", {}, title));

export const text = (x, y, words, attributes) => s("text", { x, y, ...attributes }, words);

/** A legend's square. */
export const key = (kind) => h("span", { class: "key" }, ornament(11, 11, bar(0, 0, 11, 11, kind)));

/** A table. Columns are `name`, or `>name` for numbers; the first is each row's heading. `looks`: `roomy`, `tall`. */
export function table(caption, columns, rows, looks = "") {
  const side = columns.map((column) => (column.startsWith(">") ? "n" : null));
  const heads = columns.map((column, at) => h("th", { scope: "col", class: side[at] }, column.replace(/^>/, "")));
  const cell = (value, at) =>
    h(at ? "td" : "th", { scope: at ? null : "row", class: side[at] }, value == null || value === "" ? "–" : value);
  return h("div", { class: `wide ${looks}`, tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...heads)),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map(cell))))));
}

const drawn = new Map();

/** Draws `content` into the element, if it would be other than what is there. The focus stays where it was, and what is open stays open. */
export function draw(id, facts, content) {
  const place = document.getElementById(id);
  const same = JSON.stringify([facts, width(id)]);
  if (drawn.get(id) === same) return;
  drawn.set(id, same);
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...place.querySelectorAll("details")].map((details) => details.open);
  place.replaceChildren(...[content()].flat().filter(Boolean));
  place.querySelectorAll("details").forEach((details, at) => (details.open = open[at] ?? false));
  if (focused) document.getElementById(focused)?.focus();
}

/** The room in an element. */
export const width = (id) => Math.max(document.getElementById(id).clientWidth, 240);

export const number = (value) => value.toLocaleString("en");
export const percent = (part, all) => (all ? `${(100 * part / all).toFixed(part && part < all / 10 ? 1 : 0)} %` : "–");
export const sum = (values) => values.reduce((all, value) => all + value, 0);

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; value >= 1024 && at < units.length - 1; at += 1) value /= 1024;
  return `${value >= 100 || !at ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** A span of seconds, in its largest unit. */
export function span(seconds) {
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1], ["ms", 1e-3]]) {
    if (seconds >= size) return `${Number((seconds / size).toPrecision(3))} ${unit}`;
  }
  return `${Number((seconds * 1e6).toPrecision(3))} µs`;
}

/** The time of day. */
export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");
