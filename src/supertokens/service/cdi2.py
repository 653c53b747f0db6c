# SPDX-License-Identifier: Apache-2.0
"""The old family, CDI 1.0 to 2.3, over the same core as the modern one (docs/protocol/cdi2.md)."""

from __future__ import annotations

from typing import Any, Final

from supertokens.engine.access_token import carried_payload
from supertokens.engine.session import Credential, IssuedSession, VerifiedSession
from supertokens.errors import (
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
)
from supertokens.service.both_families import (
    created,
    handles_of_user,
    jwt_payload,
    or_unauthorised,
    session_data,
    update_jwt_payload,
    update_session_data,
)
from supertokens.service.fields import BOOLEAN, OBJECT, STRING, STRINGS, Field
from supertokens.service.replies import RefusedError, Reply, json_reply
from supertokens.service.routes import CDI2_VERSIONS, Backend, Call, Handler, Route

__all__ = ["ROUTES"]

_ONE_SELECTOR: Final = "Invalid JSON input - use one of userId or sessionHandles array"
_ONE_SELECTOR_1_0: Final = "Invalid JSON input - use one of userId, sessionHandle, or sessionHandles array"
_NO_DELETE: Final = "/session DELETE is only available in CDI 1.0. Please call /session/remove POST instead"
_NO_REMOVE: Final = "/session/remove POST is only available in >= CDI 2.0. Please call /session DELETE instead"
_NOT_IN_1_0: Final = {"1.0": "CDI version not supported"}
_DOMAIN_WAS_COMPULSORY: Final = ("1.0", "2.0", "2.1")


def create(backend: Backend, call: Call) -> Reply:
    issued = created(
        backend,
        call["userId"],
        call["userDataInJWT"],
        call["userDataInDatabase"],
        anti_csrf=bool(backend.config.enable_anti_csrf),
        version="2",
    )
    return json_reply(_issued(backend, call, issued) | {"status": "OK"} | _signing_key(backend))


def verify(backend: Backend, call: Call) -> Reply:
    try:
        session = backend.core.verify(
            call["accessToken"],
            check_anti_csrf=bool(backend.config.enable_anti_csrf) and call["doAntiCsrfCheck"],
            anti_csrf_token=call.get("antiCsrfToken"),
            check_database=backend.config.access_token_blacklisting,
        )
    except SuperTokensTryRefreshTokenError as error:
        return json_reply({"status": "TRY_REFRESH_TOKEN", "message": str(error)})
    return json_reply(_verified(backend, call, session) | {"status": "OK"} | _signing_key(backend))


def can_verify_at_once(backend: Backend, call: Call) -> bool:
    """Return whether the token in `call` decides alone, by keys that `backend` need not read."""
    return not backend.config.access_token_blacklisting and backend.core.verifies_at_once(call["accessToken"])


def refresh(backend: Backend, call: Call) -> Reply:
    try:
        issued = backend.core.refresh(
            call["refreshToken"],
            anti_csrf=bool(backend.config.enable_anti_csrf),
            anti_csrf_token=call.get("antiCsrfToken"),
            version="2",
        )
    except SuperTokensTokenTheftError as theft:
        session = {"handle": theft.session_handle, "userId": theft.user_id}
        return json_reply({"status": "TOKEN_THEFT_DETECTED", "session": session})
    return json_reply(_issued(backend, call, issued) | {"status": "OK"})


def regenerate(backend: Backend, call: Call) -> Reply:
    session = backend.core.regenerate(call["accessToken"], call.get("userDataInJWT"))
    return json_reply(_verified(backend, call, session) | {"status": "OK"})


def handshake(backend: Backend, call: Call) -> Reply:
    config = backend.config
    reply = {"status": "OK"} | _signing_key(backend) | _domain(backend, call, "cookieDomain")
    reply |= {
        "cookieSecure": bool(config.cookie_secure),
        "accessTokenPath": config.access_token_path,
        "refreshTokenPath": config.refresh_api_path,
        "enableAntiCsrf": bool(config.enable_anti_csrf),
        "accessTokenBlacklistingEnabled": config.access_token_blacklisting,
    }
    if call.version != "1.0":
        reply |= {
            "cookieSameSite": config.cookie_same_site,
            "idRefreshTokenPath": config.access_token_path,
            "sessionExpiredStatusCode": config.session_expired_status_code,
        }
    return json_reply(reply)


def remove(backend: Backend, call: Call) -> Reply:
    if len(call.values) != 1:
        raise RefusedError(400, _ONE_SELECTOR)
    return json_reply({"status": "OK", "sessionHandlesRevoked": _revoke(backend, call)})


def delete(backend: Backend, call: Call) -> Reply:
    if len(call.values) != 1:
        raise RefusedError(400, _ONE_SELECTOR_1_0)
    return json_reply({"status": "OK", "numberOfSessionsRevoked": len(_revoke(backend, call))})


def _revoke(backend: Backend, call: Call) -> list[str]:
    if "userId" in call.values:
        return backend.core.revoke_user(call["userId"])
    handles = call.get("sessionHandles")
    return backend.core.revoke_sessions([call["sessionHandle"]] if handles is None else handles)


def _issued(backend: Backend, call: Call, issued: IssuedSession) -> dict[str, Any]:
    config = backend.config
    reply = {
        "session": _session(issued),
        "accessToken": _token(backend, call, issued.access_token, config.access_token_path),
        "refreshToken": _token(backend, call, issued.refresh_token, config.refresh_api_path),
        "idRefreshToken": _bare_token(issued.id_refresh_token)
        if call.version == "1.0"
        else _token(backend, call, issued.id_refresh_token, config.access_token_path),
    }
    return reply if issued.anti_csrf_token is None else reply | {"antiCsrfToken": issued.anti_csrf_token}


def _verified(backend: Backend, call: Call, session: VerifiedSession) -> dict[str, Any]:
    reply: dict[str, Any] = {"session": _session(session)}
    if session.new_access_token is not None:
        path = backend.config.access_token_path
        reply["accessToken"] = _token(backend, call, session.new_access_token, path)
    return reply


def _session(session: IssuedSession | VerifiedSession) -> dict[str, Any]:
    return {
        "handle": session.handle,
        "userId": session.user_id,
        "userDataInJWT": carried_payload(session.jwt_payload, "2"),
    }


def _bare_token(token: Credential) -> dict[str, Any]:
    return {"token": token.text, "expiry": token.expires_at, "createdTime": token.created_at}


def _token(backend: Backend, call: Call, token: Credential, path: str) -> dict[str, Any]:
    """Return `token` with what its cookie needs, at `path` (docs/protocol/cdi2.md#objects-in-replies)."""
    reply = _bare_token(token) | {"cookiePath": path, "cookieSecure": bool(backend.config.cookie_secure)}
    reply |= _domain(backend, call, "domain")
    return reply if call.version == "1.0" else reply | {"sameSite": backend.config.cookie_same_site}


def _domain(backend: Backend, call: Call, name: str) -> dict[str, str]:
    domain = backend.config.cookie_domain
    if domain is not None:
        return {name: domain}
    return {name: "localhost"} if call.version in _DOMAIN_WAS_COMPULSORY else {}


def _signing_key(backend: Backend) -> dict[str, Any]:
    key, stops_signing_at = backend.core.keys.signing(backend.clock())
    return {"jwtSigningPublicKey": key.public_key_info(), "jwtSigningPublicKeyExpiryTime": stops_signing_at}


_USER_ID: Final = Field("userId", STRING, "Whose sessions")
_HANDLE: Final = Field("sessionHandle", STRING, "Which session")
_HANDLES: Final = Field("sessionHandles", STRINGS, "Which sessions", None)
_JWT: Final = Field("userDataInJWT", OBJECT, "The payload that access tokens carry")
_DATA: Final = Field("userDataInDatabase", OBJECT, "Data that stays on the server")
_ACCESS_TOKEN: Final = Field("accessToken", STRING, "The access token")
_ANTI_CSRF: Final = Field("antiCsrfToken", STRING, "The anti-CSRF value that the request carried", None)
_SELECTORS: Final = (Field("userId", STRING, "All sessions of a user", None), _HANDLES)
_MAY_BE_GONE: Final = ("OK", "UNAUTHORISED")


def _data_routes(path: str, field: Field, read: Handler, write: Handler, gate: dict[str, str]) -> tuple[Route, Route]:
    return (
        Route(
            "GET", path, or_unauthorised(read), f"Read {field.name}", CDI2_VERSIONS,
            query=(_HANDLE,), outcomes=_MAY_BE_GONE, gate=gate,
        ),
        Route(
            "PUT", path, or_unauthorised(write), f"Replace {field.name}", CDI2_VERSIONS,
            body=(_HANDLE, field), outcomes=_MAY_BE_GONE, gate=gate,
        ),
    )  # fmt: skip


ROUTES: Final = (
    Route("POST", "/handshake", handshake, "What a backend SDK needs to know about this core", CDI2_VERSIONS, body=()),
    Route(
        "POST", "/session", create, "Create a session", CDI2_VERSIONS,
        body=(Field("userId", STRING, "Whose session"), _JWT, _DATA),
    ),
    Route(
        "DELETE", "/session", delete, "Revoke sessions", CDI2_VERSIONS,
        body=(_SELECTORS[0], Field("sessionHandle", STRING, "One session", None), _HANDLES),
        gate=dict.fromkeys(CDI2_VERSIONS[1:], _NO_DELETE),
    ),
    Route(
        "POST", "/session/verify", or_unauthorised(verify), "Verify an access token", CDI2_VERSIONS,
        body=(_ACCESS_TOKEN, _ANTI_CSRF, Field("doAntiCsrfCheck", BOOLEAN, "Whether anti-CSRF counts")),
        outcomes=("OK", "UNAUTHORISED", "TRY_REFRESH_TOKEN"), at_once=can_verify_at_once,
    ),
    Route(
        "POST", "/session/refresh", or_unauthorised(refresh), "Exchange a refresh token", CDI2_VERSIONS,
        body=(Field("refreshToken", STRING, "The refresh token"), _ANTI_CSRF),
        outcomes=("OK", "UNAUTHORISED", "TOKEN_THEFT_DETECTED"),
    ),
    Route(
        "POST", "/session/regenerate", or_unauthorised(regenerate), "Renew an access token with another payload",
        CDI2_VERSIONS,
        body=(_ACCESS_TOKEN, Field("userDataInJWT", OBJECT, "The new payload; the stored one if absent", None)),
        outcomes=_MAY_BE_GONE, gate=_NOT_IN_1_0,
    ),
    Route(
        "POST", "/session/remove", remove, "Revoke sessions", CDI2_VERSIONS,
        body=_SELECTORS, gate={"1.0": _NO_REMOVE},
    ),
    Route("GET", "/session/user", handles_of_user, "The sessions of a user", CDI2_VERSIONS, query=(_USER_ID,)),
    *_data_routes("/session/data", _DATA, session_data, update_session_data, {}),
    *_data_routes("/jwt/data", _JWT, jwt_payload, update_jwt_payload, _NOT_IN_1_0),
)  # fmt: skip
