// SPDX-License-Identifier: Apache-2.0
// The list of events, and the tokens in it whose life runs out while one watches.

const MOST_EVENTS = 200;
const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 1,
});

const list = document.getElementById("timeline");
const running = new Map(); // kind of token -> what shows the newest one's life
let last = null; // the newest event, if it may be counted up

/** An element with a class and contents: text, elements, or nothing. */
export function element(tag, className, ...contents) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...contents.filter((content) => content !== undefined));
  return made;
}

/** "12.4 s", or "9 min 58 s". */
export function duration(milliseconds) {
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** What part of a token's life is left, from 0 to 1. */
export function share(token, now) {
  return Math.min(1, Math.max(0, (token.until - now) / (token.until - token.from)));
}

/**
 * Put an event on top. `kind` gives its colour; `contents` follow the title; `tokens` are [kind, name, token] whose
 * life is shown. Events without tokens that repeat the one before are counted instead.
 */
export function record(kind, title, contents = [], tokens = [], inShort = title) {
  document.getElementById("nothing-yet").hidden = true;
  const time = clock.format(Date.now());
  const latest = document.getElementById("latest");
  if (kind !== "end" || latest.dataset.kind !== "theft") { // what follows from a theft does not hide it
    latest.textContent = inShort;
    latest.dataset.kind = kind;
  }
  document.querySelector(".events").scrollTop = 0;
  const text = contents.map((content) => content.textContent ?? content).join("\n");
  const key = `${kind}\n${title}\n${text}`;
  if (last?.key === key) {
    last.times += 1;
    last.count.textContent = `×${last.times}`;
    last.time.textContent = time;
    return;
  }
  const timeElement = element("time", "", time);
  const count = element("span", "count");
  const body = element("div", "event-body", element("h3", "", title, count), ...contents.map(paragraph));
  const event = element("li", "event", timeElement, body);
  event.dataset.kind = kind;
  for (const [tokenKind, name, token] of tokens) body.append(showLife(tokenKind, name, token));
  list.prepend(event);
  while (list.children.length > MOST_EVENTS) list.lastElementChild.remove();
  last = tokens.length ? null : { key, time: timeElement, count, times: 1 };
}

/** Let the newest token of that kind end early: "replaced", "revoked". */
export function endLife(tokenKind, how) {
  const life = running.get(tokenKind);
  if (!life) return;
  running.delete(tokenKind);
  const lived = Math.max(0, Date.now() - life.shownSince);
  life.left.textContent = `${how} after ${duration(lived)}`;
  life.row.dataset.over = "true";
}

/** Show the time that is left at `now`. */
export function tick(now) {
  for (const [tokenKind, life] of running) {
    life.bar.value = share(life.token, now);
    life.left.textContent = life.token.until > now ? `${duration(life.token.until - now)} left` : "expired";
    if (life.token.until <= now) {
      life.row.dataset.over = "true";
      running.delete(tokenKind);
    }
  }
}

function showLife(tokenKind, name, token) {
  endLife(tokenKind, "replaced");
  const bar = element("progress", "");
  bar.max = 1;
  const left = element("span", "life-left");
  const row = element("div", "life", element("span", "life-name", name), left, bar);
  row.setAttribute("aria-hidden", "true"); // it changes all the time, and the session's own bars say the same
  running.set(tokenKind, { token, bar, left, row, shownSince: Date.now() });
  tick(Date.now());
  return row;
}

function paragraph(content) {
  return typeof content === "string" ? element("p", "", content) : content;
}
