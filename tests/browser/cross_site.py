# SPDX-License-Identifier: Apache-2.0
"""How the page of any site makes a browser send a request to another one, with the cookies that it has for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from flask import Flask, Response, redirect, request
from playwright.sync_api import Page

__all__ = ["WAYS", "Way", "site_of_attackers"]


@dataclass(frozen=True)
class Way:
    """One way; `script` gives a promise, and knows the address to attack as `url`, `detour` to it by another site."""

    method: str
    script: str
    leaves: bool = False
    """Whether the page itself is left for what is sent."""

    def go(self, page: Page, url: str, detour: str) -> None:
        """Send it from a page, and return when the browser has the answer or has refused to send anything."""
        # Also what a page of no origin is given as text is told where to go.
        script = f"([url, detour]) => {{ {_TOOLS} {self.script} }}"
        if self.leaves:
            with page.expect_navigation():
                page.evaluate(script, [url, detour])
        else:
            page.evaluate(script, [url, detour])


_TOOLS: Final = """
const add = (name, fields) => {
  const added = Object.assign(document.createElement(name), fields);
  document.body.append(added);
  return added;
};
const form = (method, action, target = "") => add("form", {method, action, target}).submit();
const settled = promise => promise.then(() => {}, () => {});
// A frame's first document is its own; what it then sends loads the second.
const framed = (fields, loads) => new Promise(done => {
  const frame = document.createElement("iframe");
  for (const [name, value] of Object.entries(fields)) frame.setAttribute(name, value);
  frame.addEventListener("load", () => { if (--loads === 0) done(); });
  addEventListener("message", event => { if (event.source === frame.contentWindow) done(); });
  document.body.append(frame);
});
const socket = address => new Promise(done => {
  const opened = new WebSocket(address.replace("https:", "wss:"));
  opened.onclose = done;
});
const without = (mode, method) => settled(fetch(url, {method, mode, credentials: "include", cache: "no-store"}));
const submitting =
  `<body onload="setTimeout(() => document.forms[0].submit())"><form method=post action="${url}"></form>`;
const telling = script => `<script>${script}.then(() => parent.postMessage("", "*"))</script>`;
"""
_FETCHING: Final = "`fetch('${url}', {method: 'POST', mode: 'no-cors', credentials: 'include'}).catch(() => {})`"
_CONNECTING: Final = "`new Promise(done => { new WebSocket('${url.replace('https:', 'wss:')}').onclose = done; })`"

WAYS: Final[Mapping[str, Way]] = {
    "link": Way("GET", "add('a', {href: url}).click()", leaves=True),
    "link, by a detour": Way("GET", "add('a', {href: detour}).click()", leaves=True),
    "form": Way("GET", "form('get', url)", leaves=True),
    "form POST": Way("POST", "form('post', url)", leaves=True),
    "form POST, by a detour": Way("POST", "form('post', detour)", leaves=True),
    "image": Way("GET", "return new Promise(done => add('img', {src: url, onload: done, onerror: done}))"),
    "frame": Way("GET", "return framed({src: url}, 1)"),
    "form POST in a frame": Way("POST", "const it = framed({name: 'in'}, 2); form('post', url, 'in'); return it"),
    "fetch no-cors": Way("GET", "return without('no-cors', 'GET')"),
    "fetch no-cors POST": Way("POST", "return without('no-cors', 'POST')"),
    "fetch no-cors POST, by a detour": Way(
        "POST", "return settled(fetch(detour, {method: 'POST', mode: 'no-cors', credentials: 'include'}))"
    ),
    "fetch cors": Way("GET", "return without('cors', 'GET')"),
    "fetch cors POST": Way("POST", "return without('cors', 'POST')"),
    "fetch cors PUT": Way("PUT", "return without('cors', 'PUT')"),
    "fetch same-origin POST": Way("POST", "return without('same-origin', 'POST')"),
    "sandboxed form POST": Way("POST", "return framed({sandbox: 'allow-scripts allow-forms', srcdoc: submitting}, 2)"),
    "sandboxed fetch POST": Way(
        "POST", f"return framed({{sandbox: 'allow-scripts', srcdoc: telling({_FETCHING})}}, 9)"
    ),
    "data: URL, form POST": Way("POST", "return framed({src: 'data:text/html,' + encodeURIComponent(submitting)}, 2)"),
    "WebSocket": Way("GET", "return socket(url)"),
    "sandboxed WebSocket": Way(
        "GET", f"return framed({{sandbox: 'allow-scripts', srcdoc: telling({_CONNECTING})}}, 9)"
    ),
}  # fmt: skip


def site_of_attackers() -> Flask:
    """Return a site with an empty page, and a detour that keeps the method: /detour?to=…"""
    app = Flask("attackers")

    @app.get("/")
    def page() -> str:
        return '<!doctype html><link rel="icon" href="data:,"><body>'

    @app.route("/detour", methods=["GET", "POST"])
    def detour() -> Response:
        answer = redirect(request.args["to"], 307)
        assert isinstance(answer, Response)
        return answer

    return app


def by_a_detour(origin: str, url: str) -> str:
    """Return an address of a site of attackers that leads to `url`."""
    return f"{origin}/detour?to={quote(url, safe='')}"
