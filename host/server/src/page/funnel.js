// How far handshakes come, and where.

import { bar, draw, h, number, ornament, percent, sum, table, width } from "./draw.js";

const WORDS = {
  connected: "connected", offered: "offered to resume", ours: "a session of ours", found: "found in a store",
  fits: "inside the host’s rules", agreed: "policies agree", resumed: "resumed",
};

export function drawFunnel({ funnel }) {
  draw("funnel-steps", [funnel.steps, funnel.outcomes], () => {
    const all = funnel.steps[0]?.handshakes ?? 0;
    const room = Math.max(width("funnel-steps") - (width("funnel-steps") < 500 ? 225 : 350), 60);
    return table("Handshakes by how far they came", ["Step", "Reached", ">Handshakes", ">Share"], funnel.steps.map((passed) => {
      const { step, handshakes } = passed;
      return [
        WORDS[step] ?? step,
        [steps(room, handshakes, all, step), lost(funnel, step)],
        number(handshakes),
        percent(handshakes, all),
      ];
    }));
  });
  draw("funnel-places", funnel.places, () => funnel.places.length > 0 && h("details", { open: false },
    h("summary", {}, "By listener and site"),
    table("The places with most handshakes", ["Listener", "Site", ">Handshakes", ">Resumed", "Most missed for"],
      funnel.places.slice(0, 20).map(({ listener, site, handshakes, reasons }) => {
        const missed = top(Object.entries(reasons).filter(([reason]) => reason !== "resumed" && reason !== "nothing"));
        return [listener, site || null, number(handshakes),
          percent(reasons.resumed ?? 0, handshakes), missed.slice(0, 2).map(told).join(", ") || null];
      }))));
}

function steps(room, handshakes, all, step) {
  const long = all ? handshakes / all * room : 0;
  return ornament(room, 14, bar(0, 0, room, 14, "rest"), bar(0, 0, long, 14, step === "resumed" ? "good" : "plain"));
}

/** Those that came no further than this step, by reason. */
function lost({ outcomes }, step) {
  const reasons = {};
  for (const outcome of outcomes) {
    if (outcome.step === step && step !== "resumed") {
      reasons[outcome.reason] = (reasons[outcome.reason] ?? 0) + outcome.handshakes;
    }
  }
  const all = top(Object.entries(reasons));
  const rest = sum(all.slice(4).map(([, times]) => times));
  const words = [...all.slice(0, 4).map(told), rest && `others ${number(rest)}`].filter(Boolean);
  return words.length > 0 && h("small", {}, `ended here: ${words.join(", ")}`);
}

const told = ([reason, times]) => `${reason} ${number(times)}`;
export const top = (pairs) => pairs.sort((a, b) => b[1] - a[1]);
