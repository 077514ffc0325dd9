// The page: it listens to the server and draws what that tells.

import { draw, h, number, span } from "./draw.js";
import { drawFunnel } from "./funnel.js";
import { drawHistory, forget, remember } from "./history.js";
import { drawPolicies } from "./policies.js";
import { drawRecent } from "./recent.js";
import { drawAges, drawPrograms, drawStores, drawSums } from "./stores.js";

const AGAIN = 3000;
let [newest, since] = [null, null];

function listen() {
  const events = new EventSource("events");
  events.onmessage = ({ data }) => {
    newest = JSON.parse(data);
    say("Live", false);
    show();
  };
  events.onerror = () => {
    events.close();
    say(`Not connected${newest ? `; as of ${new Date(newest.status.now * 1000).toLocaleTimeString("en-GB")}` : ""}`, true);
    setTimeout(listen, AGAIN);
  };
}

function say(words, lost) {
  const link = document.getElementById("link");
  if (link.textContent !== words) link.textContent = words;
  link.classList.toggle("lost", lost);
}

function show() {
  const { status, figures, advice, samples } = newest;
  // Another process has another history.
  if (since !== status.since) forget();
  since = status.since;
  remember(samples, status.now);
  const up = span(Math.floor((status.now - status.since) / 10) * 10 || 1);
  draw("about", [status.version, status.process, up], () => `${status.version}, process ${status.process}, up ${up}`);
  const alarms = alarming(status);
  draw("alarms", alarms, () => alarms.map((words) => h("p", {}, words)));
  document.getElementById("advice").hidden = !advice.length;
  draw("advice-list", advice, () => h("ul", {}, ...advice.map(({ says, numbers }) =>
    h("li", {}, says, h("small", {}, Object.entries(numbers).map(([name, value]) => `${name.replaceAll("_", " ")} ${number(value)}`).join(", "))))));
  drawSums(newest);
  drawFunnel(status);
  drawHistory(status.now);
  drawPolicies(newest);
  drawStores(newest);
  drawAges(figures);
  drawPrograms(status);
  drawRecent(newest);
}

function alarming({ vitals, stores, revocations, stands_down: down, log }) {
  return [
    ...vitals.filter((vital) => !vital.sound).map((vital) => `Ended, and started again if possible: ${vital.name}`),
    ...stores.filter((store) => !store.reachable).map((store) => `Store ${store.kind} is not reachable`),
    revocations.untold > 0 && `${number(revocations.untold)} revocations are in force here, and not told to other nodes yet`,
    down?.length > 0 && `Left alone, as an operator wished: ${down.join(", ")}`,
    log.unwritten > 0 && `${number(log.unwritten)} lines of the log could not be written`,
  ].filter(Boolean);
}

let width = innerWidth;
addEventListener("resize", () => {
  if (newest && width !== innerWidth) requestAnimationFrame(show);
  width = innerWidth;
});

listen();
