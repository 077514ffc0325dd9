// The last hour: what came of handshakes in each ten seconds.

import { bar, draw, h, key, number, ornament, percent, picture, s, sum, table, text, width } from "./draw.js";
import { top } from "./funnel.js";

export const HOUR = 3600;
const EACH = 10;
const samples = new Map();

/** Takes what an event has of it; what is older than an hour is dropped. */
export function remember(newer, now) {
  for (const sample of newer) samples.set(sample.time, sample);
  for (const time of samples.keys()) if (time < now - HOUR) samples.delete(time);
}

export const forget = () => samples.clear();
const missed = (sample) => sum(Object.values(sample.misses));
export const ofTheHour = () => {
  const all = [...samples.values()];
  return { full: sum(all.map((one) => one.full)), resumed: sum(all.map((one) => one.resumed)), missed: sum(all.map(missed)) };
};

/** Minutes below a picture of the hour. */
export const minutes = (left, room, y) => (room > 400 ? [60, 45, 30, 15, 0] : [60, 30, 0]).map((ago) =>
  text(left + room * (1 - ago / 60), y, ago ? `−${ago} min` : "now", { "text-anchor": ago === 60 ? "start" : ago ? "middle" : "end" }));

export function drawHistory(now) {
  const all = [...samples.values()].sort((a, b) => a.time - b.time);
  const newest = all.at(-1)?.time ?? now;
  draw("hour-charts", [newest, all.length], () => [numbers(all, newest), share(all, newest)]);
  draw("hour-misses", [newest, all.length], () => misses(all, newest));
}

const LEFT = 44;
const at = (time, newest, room) => LEFT + room * (1 - (newest - time) / HOUR);

function numbers(all, newest) {
  const whole = width("hour-charts");
  const [room, high] = [whole - LEFT, 130];
  const most = Math.max(1, ...all.map((one) => one.full + one.resumed));
  const each = Math.max(room * EACH / HOUR - 0.3, 0.7);
  const bars = all.flatMap((one) => {
    const lost = Math.min(missed(one), one.full);
    let y = high;
    return [["good", one.resumed], ["bad", lost], ["plain", one.full - lost]].filter(([, times]) => times).map(([kind, times]) => {
      const tall = times / most * high;
      y -= tall;
      return bar(at(one.time, newest, room) - each, y, each, tall, kind);
    });
  });
  const { full, resumed, missed: lost } = ofTheHour();
  const words = `Handshakes in each ten seconds of the last hour: ${resumed} resumed, ${lost} offered a session and did not resume, `
    + `${full - lost} others. At most ${most} in ten seconds.`;
  return h("figure", {},
    h("figcaption", {}, "Handshakes in ten seconds:", key("good"), "resumed", key("bad"), "offered a session, missed",
      key("plain"), "other full handshakes"),
    picture(whole, high + 18, words, text(0, 10, number(most)), text(0, high, "0"), line(LEFT, high, whole, high), ...bars,
      ...minutes(LEFT, room, high + 15)));
}

function share(all, newest) {
  const whole = width("hour-charts");
  const [room, high] = [whole - LEFT, 64];
  // Where nobody came there is no share.
  const points = all.map((one) => one.full + one.resumed && [at(one.time, newest, room), one.resumed / (one.full + one.resumed)]);
  let down = true;
  const path = points.map((point) => {
    if (!point) { down = true; return ""; }
    const [x, part] = point;
    const to = `${down ? "M" : "L"}${x.toFixed(1)} ${(high * (1 - part)).toFixed(1)}`;
    const dot = down ? `h.1` : "";
    down = false;
    return to + dot;
  }).join("");
  const { full, resumed } = ofTheHour();
  return h("figure", {},
    h("figcaption", {}, `Share that resumed${full + resumed ? `: ${percent(resumed, full + resumed)} in the hour` : ""}`),
    picture(whole, high + 18, `Share of handshakes that resumed in the last hour: ${percent(resumed, full + resumed)}.`,
      text(0, 10, "100 %"), text(0, high, "0 %"), line(LEFT, 0, whole, 0), line(LEFT, high, whole, high),
      path && s("path", { d: path, class: "curve", "stroke-linecap": "round" }), ...minutes(LEFT, room, high + 15)));
}

function misses(all, newest) {
  const reasons = {};
  for (const one of all) for (const [reason, times] of Object.entries(one.misses)) reasons[reason] = (reasons[reason] ?? 0) + times;
  const rows = top(Object.entries(reasons)).map(([reason, times]) => {
    const room = Math.min(Math.max(width("hour-misses") - 260, 90), 420);
    const most = Math.max(...all.map((one) => one.misses[reason] ?? 0));
    const bars = all.filter((one) => one.misses[reason]).map((one) => {
      const tall = Math.max(one.misses[reason] / most * 18, 2);
      return bar(room * (1 - (newest - one.time) / HOUR) - 2, 18 - tall, 2, tall, "bad");
    });
    return [reason, ornament(room, 18, line(0, 18, room, 18), ...bars), number(times)];
  });
  return rows.length
    ? table("Sessions offered that did not resume, in the last hour", ["Reason", "When", ">Times"], rows)
    : h("p", { class: "note" }, "No offered session was missed in the last hour.");
}

export const line = (x1, y1, x2, y2, kind = "axis") => s("line", { x1, y1, x2, y2, class: kind });
