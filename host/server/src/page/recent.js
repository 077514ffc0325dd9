// Recent handshakes, and one of them opened.

import { clock, draw, h, number, span, table } from "./draw.js";

const MOST = 100;
const byId = (id) => document.getElementById(id);
let [seen, asking, again] = [null, false, false];

byId("filter").addEventListener("submit", (event) => event.preventDefault());
// Once a word is whole: half an address is none.
byId("filter").addEventListener("change", () => ask());

export function drawRecent({ recent, status }) {
  byId("recent-off").hidden = recent != null;
  byId("filter").hidden = recent == null;
  if (recent == null) return;
  offer(status.funnel.outcomes);
  if (recent.of !== seen) {
    seen = recent.of;
    ask();
  }
}

/** The reasons that there are, to choose from. */
function offer(outcomes) {
  const select = byId("filter").elements.reason;
  const there = new Set([...select.options].map((option) => option.value));
  for (const { reason } of outcomes) {
    if (!there.has(reason)) select.append(h("option", { value: reason }, reason));
    there.add(reason);
  }
}

/** Asks the server for those that the filter wants: one question at a time, and the newest wish last. */
async function ask() {
  again = true;
  if (asking) return;
  asking = true;
  while (again) {
    again = false;
    const wanted = [...new FormData(byId("filter"))].filter(([, value]) => value.trim() !== "");
    const query = wanted.map(([name, value]) => `${name}=${encodeURIComponent(value.trim())}`);
    try {
      const answer = await fetch(`explain?${[...query, `last=${MOST}`].join("&")}`);
      if (answer.status === 400) say("No such client: give an address, or a network like 192.0.2.0/24.");
      else if (!answer.ok) say(await answer.text());
      else show(await answer.json());
    } catch {
      say("The server did not answer.");
    }
  }
  asking = false;
}

const say = (words) => (byId("recent-said").textContent = words);

function show({ handshakes, kept }) {
  say(`${number(handshakes.length)} shown, of ${number(kept.of)} since the start, of which the last ${number(kept.at_most)} are kept.`);
  draw("recent-list", handshakes, () => table("Handshakes, the last first",
    ["Number", "Time", "Client", "Server name", "TLS", "Offered", "Outcome"], handshakes.toReversed().map((one) => [
      h("button", { type: "button", id: `handshake-${one.number}`, click: () => open(one),
        "aria-label": `Open handshake ${one.number}` }, one.number),
      clock(one.time), one.client, one.server_name, one["tls.protocol.version"], one.offered?.kind ?? "nothing", outcome(one),
    ]), "roomy tall"));
}

const outcome = (one) =>
  h("span", { class: `state ${one["tls.resumed"] ? "live" : one.reason === "nothing" ? "" : "bad"}` }, one.reason);

const OBJECTS = ["full-handshake", "refuse", "failed-objecting"];

function open(one) {
  const { offered, session, look_up: look, kept } = one;
  const place = ({ listener, site, server_name: name }) => [name ?? "no name", site && `site ${site}`, `listener ${listener}`].filter(Boolean).join(", ");
  const facts = [
    ["Outcome", [outcome(one), one.detail !== one.reason && `: ${one.detail}`]],
    ["Came as far as", one.step],
    ["Time", new Date(one.time * 1000).toLocaleString("en-GB")],
    ["Client", one.client ?? "not known"],
    ["Asked for", place(one)],
    ["TLS", one["tls.protocol.version"]],
    ["Offered", offered ? [offered.kind, offered.session && `, beginning ${offered.session}`, offered.early_data && ", with 0-RTT"] : "nothing"],
    look && ["Looked up", `${look.tier ? `store ${look.tier} had it` : "no store had it"}, ${span(look.seconds)}`],
    session && ["That session", `made at ${place(session)}; authenticated ${span(Math.max(one.time - session.authenticated, 0))} before, `
      + (session.expires > one.time ? `to expire ${span(session.expires - one.time)} after` : `expired ${span(one.time - session.expires)} before`)],
    kept && ["Kept", `a session beginning ${kept.session}, until ${new Date(kept.until * 1000).toLocaleString("en-GB")}`],
    one.not_kept && ["Not kept", one.not_kept],
  ].filter(Boolean);
  byId("one-title").textContent = `Handshake ${one.number}`;
  byId("one-facts").replaceChildren(
    h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, ...[value].flat().filter(Boolean))])),
    one.policies.length
      ? table("What each policy said", ["Policy", "About", "Verdict", ">Took"], one.policies.map((said) => [
        [said.policy, h("small", {}, `generation ${said.generation}`)],
        said.callback === "get-session" ? "the session offered" : "the session made",
        [h("span", { class: `state ${OBJECTS.includes(said.verdict) ? "bad" : ""}` }, said.verdict), said.failure && h("small", {}, said.failure)],
        span(said.seconds),
      ]))
      : h("p", { class: "note" }, "No policy was asked."));
  // By then the list may have been drawn anew.
  byId("one").addEventListener("close", () => byId(`handshake-${one.number}`)?.focus(), { once: true });
  byId("one").showModal();
}
