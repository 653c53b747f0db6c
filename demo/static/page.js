// SPDX-License-Identifier: Apache-2.0
// What the buttons do, and what the page knows of the session. The tokens stay out of reach: they are in HttpOnly
// cookies, and what is shown here comes from the answers' bodies and from their headers for scripts.

import { call, listen, refresh } from "./client.js";
import { duration, element, endLife, record, share, tick } from "./timeline.js";

const KEPT = "supertokens-demo"; // in localStorage, so that a reload and other tabs know the session
const STATES = {
  none: "No session",
  active: "Logged in",
  expired: "Access token expired",
  ended: "Logged out",
  theft: "Revoked: theft",
};

let session = null; // {userId, handle, payload, access, refresh}
let state = "none";
let ending = ""; // why the session is about to end: what the next cleared cookies mean

const byId = (id) => document.getElementById(id);

// What the answers say

listen((answer) => {
  const name = `${answer.method} ${answer.path}`;
  if (answer.status === 400) return complain(answer.body.message);
  if (answer.ended) return sessionEnded(name, answer);
  if (answer.status === 401) {
    if (!session) say("Nobody is logged in.");
    return record("refused", "Access token refused", [`${name} was answered with 401, “${answer.body.message}”.`]);
  }
  if (answer.status !== 200) return record("error", `${name}: ${answer.status}`, [answer.body.message]);
  const before = session;
  if (answer.body.userId && answer.path !== "/api/sessions") learn(answer);
  TOLD[name]?.(answer, before);
  keep();
  return render();
});

// What is worth telling of each call that succeeded, given its answer and the session before it.
const TOLD = {
  "POST /api/login": (answer) => {
    endLife("refresh", "left behind");
    endLife("access", "left behind");
    const contents = ["The server made a session, and put its first pair of tokens into cookies that no script can read."];
    record("login", `Logged in as ${session.userId}`, contents, pair(answer));
  },
  "POST /session/refresh": (answer) => {
    const contents = [
      answer.access.unused
        ? "A new refresh token and a new access token. With their first use, the refresh token before them is dead."
        : "Another tab was faster: the pair that it already uses, once more.",
    ];
    say("You have a new pair of tokens.");
    record("refresh", `Refreshed: pair ${answer.access.number}`, contents, pair(answer));
  },
  "GET /api/me": (answer, before) => {
    const who = `You are ${answer.body.userId}.`;
    say(who);
    if (!tellFirstUse(answer, before)) record("call", "GET /api/me", [who], [], who);
  },
  "POST /api/payload": (answer, before) => {
    tellFirstUse(answer, before, []);
    const contents = ["Replaced in the store, and in a new access token.", code(answer.body.jwtPayload)];
    record("payload", "JWT payload replaced", contents, accessOnly(answer));
  },
  "GET /api/sessions": (answer, before) => {
    tellFirstUse(answer, before);
    const { userId, sessionHandles, current } = answer.body;
    say(`${userId} has ${counted(sessionHandles.length)}.`);
    const items = sessionHandles.map((handle) =>
      element("li", "", element("code", "", handle), handle === current ? " (this one)" : ""),
    );
    record("call", `${counted(sessionHandles.length)} of ${userId}`, [element("ul", "handles", ...items)]);
  },
  "POST /api/demo/thief": (answer, before) => {
    tellFirstUse(answer, before);
    const steps = answer.body.steps.map((step) =>
      element(
        "li",
        "",
        element("span", `who ${step.who}`, step.who),
        element("code", "", step.request),
        element("span", "outcome", outcome(step)),
        element("p", "", step.meaning),
      ),
    );
    const contents = [element("ol", "steps", ...steps)];
    if (answer.body.caught) {
      contents.push(
        answer.body.revoked
          ? "The session is revoked, so what the thief may hold is worth nothing, and neither is what you hold."
          : "The session still lives, which must not be.",
      );
    }
    record("theft", answer.body.caught ? "Theft detected: the thief is caught" : "The thief got through", contents);
  },
};

function learn({ body, access, refresh: refreshToken }) {
  const same = session?.handle === body.sessionHandle ? session : {};
  session = {
    userId: body.userId,
    handle: body.sessionHandle,
    payload: body.jwtPayload ?? same.payload,
    access: access ?? same.access ?? null,
    refresh: refreshToken ?? same.refresh ?? null,
  };
  state = "active";
  ending = "";
  complain("");
}

// A new access token beside an old refresh token, where the pair had not been used before.
function tellFirstUse(answer, before, tokens = accessOnly(answer)) {
  if (!answer.access || answer.refresh || !before?.access?.unused) return false;
  session.access = answer.access;
  const contents = [
    `${answer.method} ${answer.path} carried the new access token, so the server knows that the new pair arrived.`,
    "Every refresh token before it is dead now: whoever shows one is a thief.",
  ];
  record("first-use", `First use of pair ${answer.access.number}`, contents, tokens);
  return true;
}

function sessionEnded(name, answer) {
  const hadOne = session !== null;
  say(answer.status === 200 ? "You are logged out." : hadOne ? "Your session has ended." : "Nobody is logged in.");
  session = null;
  if (answer.status === 200) {
    const { revoked } = answer.body;
    const everywhere = answer.path === "/api/logout-everywhere";
    const contents = ["The cookies are cleared, and the tokens that were in them are refused from now on."];
    if (everywhere) contents.unshift(`Revoked: ${counted(revoked.length)} of this user.`);
    record("end", everywhere ? "Logged out everywhere" : "Logged out", contents);
    state = "ended";
  } else {
    const because = `${name} was answered with 401, “${answer.body.message}”`;
    const theft = ending === "theft" || answer.body.error === "token theft detected";
    if (hadOne) {
      record("end", theft ? "Your session is revoked" : "The session has ended", [`${because}, and the cookies are cleared.`]);
      state = theft ? "theft" : "ended";
    } else {
      record("refused", "Not logged in", [`${because}.`]);
    }
  }
  ending = "";
  endLife("access", "revoked");
  endLife("refresh", "revoked");
  keep();
  render();
}

function pair(answer) {
  return [...accessOnly(answer), ["refresh", `Refresh token ${answer.access.number}`, answer.refresh]];
}

function accessOnly(answer) {
  return answer.access ? [["access", "Access token", answer.access]] : [];
}

function counted(sessions) {
  return sessions === 1 ? "1 session" : `${sessions} sessions`;
}

function outcome(step) {
  if (step.status === 200) return "200";
  return `${step.status}, “${step.answer.message}”`;
}

function code(value) {
  return element("code", "block", JSON.stringify(value));
}

// What the buttons that use the session are answered, beside them.
function say(text) {
  byId("said").textContent = text;
}

function complain(message) {
  byId("bad-input").textContent = message;
}

// What is shown of the session

function render() {
  byId("state").textContent = STATES[state];
  byId("state").dataset.state = state;
  document.body.dataset.session = session ? "yes" : "no";
  byId("user").textContent = session?.userId ?? "–";
  byId("handle").textContent = session?.handle ?? "–";
  byId("jwt-payload").textContent = session ? JSON.stringify(session.payload) : "–";
  byId("refresh-name").textContent = session?.access ? `Refresh token ${session.access.number}` : "Refresh token";
  byId("unused").hidden = !session?.access?.unused;
  renderLife("access", session?.access, Date.now());
  renderLife("refresh", session?.refresh, Date.now());
}

function renderLife(kind, token, now) {
  const left = token ? token.until - now : 0;
  byId(`${kind}-life`).value = token ? share(token, now) : 0;
  byId(`${kind}-left`).textContent = token ? (left > 0 ? `${duration(left)} left` : "expired") : "–";
}

setInterval(() => {
  const now = Date.now();
  tick(now);
  renderLife("access", session?.access, now);
  renderLife("refresh", session?.refresh, now);
  if (state === "active" && session?.access && session.access.until <= now) {
    state = "expired";
    record("expired", "Access token expired", ["The next call will be refused, and this page will refresh by itself."]);
    render();
  }
}, 100);

// What is kept over a reload, and told to other tabs

function keep() {
  if (session) localStorage.setItem(KEPT, JSON.stringify(session));
  else localStorage.removeItem(KEPT);
}

function restore() {
  session = JSON.parse(localStorage.getItem(KEPT));
  state = session ? "active" : "none";
  render();
}

window.addEventListener("storage", (event) => {
  if (event.key !== KEPT) return;
  restore();
  record("call", session ? "Another tab has renewed the session" : "Another tab has ended the session");
});

// What the buttons do

function payloadGiven() {
  try {
    return JSON.parse(byId("payload").value);
  } catch (error) {
    complain(`The JWT payload is not JSON: ${error.message}`);
    return undefined;
  }
}

async function play(action) {
  complain("");
  try {
    await action();
  } catch (error) {
    record("error", "No answer", [`The demo's server could not be reached: ${error.message}.`]);
  }
}

function onPress(id, action) {
  byId(id).addEventListener("click", () => play(action));
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  if (byId("user-id").value === "") return complain("Type a user id first, for example ada.");
  const jwtPayload = payloadGiven();
  if (jwtPayload !== undefined) {
    play(() => call("POST", "/api/login", { userId: byId("user-id").value, jwtPayload }));
  }
});
byId("replace-payload").addEventListener("click", () => {
  const payload = payloadGiven();
  if (payload !== undefined) play(() => call("POST", "/api/payload", payload));
});
onPress("me", () => call("GET", "/api/me"));
onPress("sessions", () => call("GET", "/api/sessions"));
onPress("refresh", refresh);
onPress("logout", () => call("POST", "/api/logout"));
onPress("logout-everywhere", () => call("POST", "/api/logout-everywhere"));
onPress("thief", async () => {
  const answer = await call("POST", "/api/demo/thief");
  if (answer.status !== 200) return;
  ending = answer.body.caught ? "theft" : "";
  await call("GET", "/api/me"); // what the victim does next
});

let calling = null;
byId("keep-calling").addEventListener("change", (event) => {
  clearInterval(calling);
  if (event.target.checked) calling = setInterval(() => session && play(() => call("GET", "/api/me")), 2000);
});

restore();
if (session) play(() => call("GET", "/api/me"));
