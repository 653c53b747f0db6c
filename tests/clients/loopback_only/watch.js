// SPDX-License-Identifier: Apache-2.0
// Loaded before an app of Node's: it may speak to 127.0.0.1 only.
"use strict";

const { subscribe } = require("node:diagnostics_channel");
const { appendFileSync } = require("node:fs");

const here = new Set(["127.0.0.1", "localhost", "::1"]);

function note(event, asked) {
  if (asked !== undefined && !here.has(asked)) {
    appendFileSync(process.env.LEFT_LOOPBACK, `${event} ${asked}\n`);
  }
}

subscribe("net.client.socket", ({ socket }) => {
  socket.on("lookup", (error, address, family, host) => note("lookup", host));
  socket.on("connectionAttempt", (address) => note("attempt", address));
  socket.on("connect", () => note("connect", socket.remoteAddress));
});
