// Policies: what each is and says now, and what became of them in the last hour.

import { bar, clock, draw, h, number, percent, picture, s, span, sum, table, text, width } from "./draw.js";
import { HOUR, line, minutes } from "./history.js";

const KINDS = { live: "good", trial: "good", settling: "plain", shadow: "plain", quarantined: "bad", rejected: "alarm",
  missing: "alarm", gone: "rest" };
const state = (policy) => (policy.state === "live" && policy.mode === "shadow" ? "shadow" : policy.state);
const looks = { good: "live", bad: "bad", alarm: "alarm" };
const badge = (word) => h("span", { class: `state ${looks[KINDS[word]] ?? ""}` }, word);

export function drawPolicies({ status, figures, changes }) {
  const { policies } = status;
  draw("policies-now", [policies, figures.calls], () => policies.length
    ? table("Policies in the order in which they are asked", ["Policy", "State", ">Generation", ">Calls", "Verdicts", ">Time per call"],
      policies.map((policy) => row(policy, figures.calls.filter((calls) => calls.policy === policy.name))), "roomy")
    : h("p", { class: "note" }, "No policies: the host’s own rules decide."));
  draw("policies-time", [changes, Math.floor(status.now / 10)], () => timeline(changes, status.now));
  draw("policies-changes", changes, () => changes.length > 0 && h("details", { open: false },
    h("summary", {}, "What became of them, the last first"),
    table("Changes of policies", ["Time", "Policy", "State", ">Generation", "Why"], changes.toReversed().map((change) =>
      [clock(change.time), change.policy, badge(change.state), change.generation, change.why]))));
}

function row(policy, calls) {
  const all = calls.flatMap(({ callback, verdicts }) => Object.entries(verdicts)
    .map(([verdict, times]) => `${verdict} ${number(times)}`).filter(() => callback !== "remove-session"));
  const failures = Object.entries(policy.failures).filter(([, times]) => times).map(([kind, times]) => `${kind} ${number(times)}`);
  const counts = calls.map(({ took }) => sum(took.counts));
  const answered = policy.answering != null && policy.answering !== policy.generation;
  return [
    [policy.name, h("small", {}, [policy.mode, policy.share < 100 && `${policy.share} %`].filter(Boolean).join(", "))],
    [badge(state(policy)), small(policy.reason ?? policy.rejected),
      small(policy.retry_in != null && `tried again in ${span(policy.retry_in)}`)],
    policy.generation && [policy.generation, small(answered && `answering: ${policy.answering}`)],
    number(policy.calls),
    all.length + failures.length + (policy.shadow ? 1 : 0) === 0 ? null : [all.join(", "), small(failures.length && `failed: ${failures.join(", ")}`), small(policy.shadow && shadow(policy.shadow))],
    calls.length ? [span(sum(calls.map(({ took }) => took.sum)) / sum(counts)), small(`99 % within ${quantile(calls, 0.99)}`)] : null,
  ];
}

const small = (words) => words ? h("small", {}, words) : null;

function shadow({ agreed, would_have_refused: refused, would_have_allowed: allowed, failed, dropped }) {
  const all = agreed + refused + allowed;
  const rest = [failed && `failed ${number(failed)}`, dropped && `dropped ${number(dropped)}`].filter(Boolean);
  return [`in shadow: agreed ${percent(agreed, all)}, would have refused ${number(refused)}, would have allowed ${number(allowed)}`,
    ...rest].join(", ");
}

/** The bound of the bucket that has this part of all calls below it. */
function quantile(calls, part) {
  const { bounds } = calls[0].took;
  const counts = calls[0].took.counts.map((_, at) => sum(calls.map(({ took }) => took.counts[at])));
  let left = sum(counts) * part;
  const found = counts.findIndex((count) => (left -= count) <= 0);
  return found < bounds.length ? span(bounds[found]) : `more than ${span(bounds.at(-1))}`;
}

const LANE = 30;

/** A lane for each policy, with a bar for each generation and state. */
function timeline(changes, now) {
  const names = [...new Set(changes.map((change) => change.policy))];
  if (!names.length) return null;
  const whole = width("policies-time");
  const left = Math.min(whole * 0.28, 150);
  const room = whole - left;
  const at = (time) => left + room * Math.min(Math.max(1 - (now - time) / HOUR, 0), 1);
  const lanes = names.flatMap((name, lane) => {
    const y = lane * LANE;
    const own = changes.filter((change) => change.policy === name);
    const states = own.filter((change) => change.state !== "rejected");
    const bars = states.flatMap((change, place) => {
      const [from, to] = [at(change.time), at(states[place + 1]?.time ?? now)];
      if (change.state === "gone" || (to <= left && place < states.length - 1)) return [];
      const words = `${change.generation ?? ""} ${change.state}`.trim();
      const title = `${name}: ${words}, ${clock(change.time)}`;
      const fits = to - from > words.length * 7 + 8;
      const short = to - from > 14 && change.generation != null;
      return [bar(from, y + 3, Math.max(to - from - 1, 2), LANE - 10, KINDS[change.state] ?? "plain", title),
        (fits || short) && text(from + 4, y + 18, fits ? words : change.generation, { class: "on" })];
    });
    const marks = own.filter((change) => change.state === "rejected" && change.time > now - HOUR).map((change) =>
      s("path", { d: `M${at(change.time)} ${y}l6 12h-12z`, class: "alarm" }, s("title", {}, `${name}: rejected, ${clock(change.time)}`)));
    const shown = name.length * 7 > left ? `${name.slice(0, Math.floor(left / 7) - 1)}…` : name;
    return [text(0, y + 18, shown), line(left, y + LANE - 2, whole, y + LANE - 2), ...bars, ...marks];
  });
  const words = names.map((name) => {
    const last = changes.filter((change) => change.policy === name && change.state !== "rejected").at(-1);
    return `${name}: ${last ? `generation ${last.generation ?? "none"}, ${last.state}` : "rejected"}`;
  });
  const high = names.length * LANE;
  return h("figure", {}, h("figcaption", {}, "Generations in the last hour; a triangle is a content that was rejected or rolled back"),
    picture(whole, high + 20, `Policies in the last hour. Now: ${words.join("; ")}.`, ...lanes.filter(Boolean), ...minutes(left, room, high + 15)));
}
