// SPDX-License-Identifier: Apache-2.0
// Calls to the API. When the access token has died, one refresh is made, however many calls are waiting for it.

export const REFRESH_PATH = "/session/refresh";

let onExchange = () => {};
let refreshing = null; // the refresh on its way, if there is one
let refreshes = 0;

/** `listener` is told of every request that was answered, the refreshes among them. */
export function listen(listener) {
  onExchange = listener;
}

/** The answer to a call; a call that was refused for its access token is repeated once after a refresh. */
export async function call(method, path, body) {
  const before = refreshes;
  const answer = await send(method, path, body);
  if (answer.status !== 401 || answer.ended) return answer;
  // Where another call's refresh came in between, only the repetition is left to do.
  if (before === refreshes) {
    const refreshed = await refresh();
    if (refreshed.status !== 200) return refreshed;
  }
  return send(method, path, body);
}

/** One refresh at a time: whoever asks meanwhile gets the answer of the one that is on its way. */
export function refresh() {
  refreshing ??= send("POST", REFRESH_PATH).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function send(method, path, body) {
  const json = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, { method, ...json });
  const answer = {
    method,
    path,
    status: response.status,
    body: await response.json(),
    ...readTokens(response.headers),
  };
  // A request that brought no cookie of a session is told by nothing else that there is none.
  if (answer.status === 401 && answer.body.error === "unauthorised") answer.ended = true;
  if (path === REFRESH_PATH && response.ok) refreshes += 1;
  onExchange(answer);
  return answer;
}

// The tokens themselves are in HttpOnly cookies; these two headers are what a script may know of them.
function readTokens(headers) {
  const id = headers.get("id-refresh-token");
  const front = headers.get("front-token");
  const ended = id === "remove" || front === "remove";
  const tokens = { ended, access: null, refresh: null };
  if (!ended && front) tokens.access = readFrontToken(front);
  if (!ended && id) tokens.refresh = { from: Date.now(), until: Number(id.split(";")[1]) };
  return tokens;
}

function readFrontToken(front) {
  const { ate, up } = JSON.parse(atob(front));
  return {
    from: up.iat * 1000,
    until: ate,
    // The lineage: which refresh token it came with (its number), and whether that one still waits for its first use.
    number: parseInt(up.refreshTokenHash1.slice(0, 16), 16),
    unused: up.parentRefreshTokenHash1 != null,
  };
}
