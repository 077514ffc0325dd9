// Stores, the ages of sessions, programs with the module, and the sums above all.

import { bar, bytes, draw, h, number, percent, picture, span, sum, table, text, width } from "./draw.js";
import { line, ofTheHour } from "./history.js";

export function drawSums({ status, figures }) {
  const { full, resumed } = ofTheHour();
  const all = sum(status.handshakes.map((one) => one.full + one.resumed));
  const back = sum(status.handshakes.map((one) => one.resumed));
  const facts = [
    ["resumed, last hour", percent(resumed, full + resumed)],
    ["resumed, since the start", percent(back, all)],
    ["handshakes, last hour", number(full + resumed)],
    ["handshakes, since the start", number(all)],
    ["sessions stored", number(status.store.sessions)],
    ["revocations in force", number(status.revocations.in_force)],
    ["lifetime where no policy says", span(figures.lifetime)],
  ];
  draw("sums", facts, () => facts.map(([name, value]) => h("dl", {}, h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

export function drawStores({ status }) {
  draw("stores-now", status.stores, () => table("The nearest first", ["Store", "State", ">Sessions", ">Size", ">Lost"],
    status.stores.map(({ kind, scope, reachable, trouble, usage, lookups_skipped: skipped }) => [
      [kind, h("small", {}, `of the ${scope}`)],
      [h("span", { class: `state ${reachable ? "live" : "alarm"}` }, reachable ? "reachable" : "not reachable"),
        trouble && h("small", {}, trouble), skipped > 0 && h("small", {}, `${number(skipped)} look-ups skipped`)],
      number(usage.sessions),
      bytes(usage.bytes),
      [number(usage.evicted + (usage.dropped ?? 0)),
        h("small", {}, `full ${number(usage.evicted)}, not written ${number(usage.dropped ?? 0)}`)],
    ])));
}

const TOP = 28;
const short = (value) => value.toLocaleString("en", { notation: "compact" });

/** The ages as bars, and where the lifetime ends. */
export function drawAges({ ages, lifetime }) {
  draw("ages-chart", [ages, lifetime], () => {
    const all = sum(ages.counts);
    if (!all) return h("p", { class: "note" }, "No session has resumed yet.");
    const whole = width("ages-chart");
    const high = 120;
    const each = whole / ages.counts.length;
    const most = Math.max(...ages.counts);
    const bars = ages.counts.flatMap((count, at) => {
      const tall = count / most * high;
      const words = `${at < ages.bounds.length ? `up to ${span(ages.bounds[at])}` : "older"}: ${number(count)}`;
      return [bar(at * each + 1, TOP + high - tall, each - 2, tall, "good", words),
        count > 0 && text((at + .5) * each, TOP + high - tall - 4, short(count), { "text-anchor": "middle" })];
    });
    const names = ages.bounds.map((bound, at) => (whole > 500 || at % 2 === 1)
      && text((at + 1) * each, TOP + high + 15, span(bound).replace(" ", ""), { "text-anchor": "middle" }));
    // Within a bucket as far as the lifetime is through it.
    const bucket = ages.bounds.findIndex((bound) => lifetime <= bound);
    const from = ages.bounds[bucket - 1] ?? 0;
    const x = bucket < 0 ? whole : (bucket + (lifetime - from) / (ages.bounds[bucket] - from)) * each;
    const late = x > whole / 2;
    const words = `Ages of the ${all} sessions that resumed, in the mean ${span(ages.sum / all)}. `
      + ages.counts.map((count, at) => count && `${count} ${ages.bounds[at] ? `up to ${span(ages.bounds[at])}` : "older"}`)
        .filter(Boolean).join(", ");
    return h("figure", {},
      h("figcaption", {}, `Time since the full handshake, in the mean ${span(ages.sum / all)}; dashed: the lifetime, ${span(lifetime)}`),
      picture(whole, TOP + high + 20, words, ...bars.filter(Boolean), line(0, TOP + high, whole, TOP + high), line(x, 4, x, TOP + high, "mark"),
        text(late ? x - 5 : x + 5, 10, "lifetime", { "text-anchor": late ? "end" : "start" }), ...names.filter(Boolean)));
  });
}

export function drawPrograms({ programs, processes }) {
  document.getElementById("programs").hidden = !programs?.length;
  if (!programs?.length) return;
  draw("programs-now", [programs, processes], () => table(`${processes?.length ?? 0} processes connected`,
    ["Program", ">Full", ">Of these missed", ">Resumed", ">Share"], programs.map((program) => {
      const { counted } = program;
      return [[program.program, program.stands_down && h("small", {}, "left alone, as an operator wished"), program.observes && h("small", {}, "only looked at")],
        number(counted.full), number(counted.missed), number(counted.resumed), percent(counted.resumed, counted.full + counted.resumed)];
    })));
}
