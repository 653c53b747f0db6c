// SPDX-License-Identifier: Apache-2.0
// An app with the real supertokens-node and only its session recipe: `node app.js '{"core": "http://…", …}'`.
// It listens on a free port of 127.0.0.1, which its first line of output names.
"use strict";

const express = require("express");
const supertokens = require("supertokens-node");
const Session = require("supertokens-node/recipe/session");
const { errorHandler, middleware } = require("supertokens-node/framework/express");
const { verifySession } = require("supertokens-node/recipe/session/framework/express");

const given = JSON.parse(process.argv[2]);

supertokens.init({
  appInfo: { appName: "test", apiDomain: "http://127.0.0.1", websiteDomain: "http://127.0.0.1" },
  supertokens: { connectionURI: given.core, apiKey: given.api_key ?? undefined },
  framework: "express",
  recipeList: [
    Session.init({
      antiCsrf: given.anti_csrf ?? undefined,
      useDynamicAccessTokenSigningKey: given.dynamic_signing_key,
    }),
  ],
  telemetry: false,
});

const app = express();
app.use(middleware());
app.use(express.json());

app.post("/login", async (request, response) => {
  const { user, payload, data } = request.body;
  const recipeUser = supertokens.convertToRecipeUserId(user);
  const made = await Session.createNewSession(request, response, "public", recipeUser, payload, data);
  response.json({ handle: made.getHandle() });
});

app.all("/me", verifySession(), (request, response) => response.json(shown(request)));

app.get("/me/checked", verifySession({ checkDatabase: true }), (request, response) => response.json(shown(request)));

app.post("/merge", verifySession(), async (request, response) => {
  await request.session.mergeIntoAccessTokenPayload(request.body);
  response.json(shown(request));
});

app.all("/data", verifySession(), async (request, response) => {
  if (request.method === "POST") {
    await request.session.updateSessionDataInDatabase(request.body);
  }
  response.json(await request.session.getSessionDataFromDatabase());
});

app.post("/logout", verifySession(), async (request, response) => {
  await request.session.revokeSession();
  response.json({});
});

app.get("/sessions/:user", async (request, response) => {
  response.json(await Session.getAllSessionHandlesForUser(request.params.user));
});

app.delete("/sessions/:user", async (request, response) => {
  response.json(await Session.revokeAllSessionsForUser(request.params.user));
});

app.delete("/session/:handle", async (request, response) => {
  response.json(await Session.revokeSession(request.params.handle));
});

app.get("/stored/:handle", async (request, response) => {
  const found = await Session.getSessionInformation(request.params.handle);
  response.json(found === undefined ? null : found.customClaimsInAccessTokenPayload);
});

app.put("/stored/:handle", async (request, response) => {
  response.json(await Session.mergeIntoAccessTokenPayload(request.params.handle, request.body));
});

app.use(errorHandler());
app.use((error, request, response, next) => {
  console.error(error);
  response.status(500).json({ message: "failed" });
});

function shown(request) {
  const { session } = request;
  return { user: session.getUserId(), handle: session.getHandle(), payload: session.getAccessTokenPayload() };
}

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
