# SPDX-License-Identifier: Apache-2.0
"""A page with one of the two browser libraries, and what tests call on it."""

from __future__ import annotations

from typing import Final

from .website_library import Version

__all__ = ["page_with"]

_PAGE: Final = """<!doctype html>
<html lang="en">
<title>A page with the browser library</title>
<link rel="icon" href="data:,">
<script>const rawFetch = fetch.bind(window);</script>
<script src="/VERSION/library.js"></script>
<script>
  const asked = new URLSearchParams(location.search);
  // Where the API is, if not here.
  const api = asked.get("api") || location.origin;
  const library = supertokens.default;
  const events = [];
  const noLock = {acquireLock: async () => true, releaseLock: async () => undefined};
  const start = {
    "4.2.0": () => library.init({refreshTokenUrl: api + (asked.get("refresh") || "/refresh")}),
    "20.1.6": () => library.init({
      apiDomain: api,
      apiBasePath: asked.get("base") || "/auth",
      tokenTransferMethod: asked.get("mode"),
      onHandleEvent: event => events.push(event.action),
      lockFactory: asked.get("lock") === "none" ? async () => noLock : undefined,
    }),
  };
  start["VERSION"]();

  // `no-store` keeps the HTTP cache from queueing parallel calls of one URL.
  async function call({method, path, body}, through = fetch) {
    const headers = body === undefined ? {} : {"content-type": "application/json"};
    const init = {method, headers, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body)};
    const response = await through(api + path, init);
    return {status: response.status, text: await response.text()};
  }
  // As other scripts, or older code of an application, would call: the library sees nothing of it.
  function callRaw(what) {
    return call(what, (url, init) => rawFetch(url, {...init, credentials: "include"}));
  }
  function callByXhr({method, path, body}) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open(method, api + path);
      request.onload = () => done({status: request.status, text: request.responseText});
      request.onerror = failed;
      if (body !== undefined) request.setRequestHeader("content-type", "application/json");
      request.send(body === undefined ? undefined : JSON.stringify(body));
    });
  }
  function startCalls(how, what, times) {
    const failed = reason => ({status: 0, text: String(reason)});
    const settled = () => Promise.race([how(what).catch(failed), new Promise(done => {
      setTimeout(() => done(failed("no answer within 20 s")), 20000);
    })]);
    window.calls = Array.from({length: times}, settled);
  }
</script>
"""


def page_with(version: Version) -> str:
    """Return the page's HTML. Its query says where the API is, and how the library is to be started."""
    return _PAGE.replace("VERSION", version)
