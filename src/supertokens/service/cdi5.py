# SPDX-License-Identifier: Apache-2.0
"""The modern family, CDI 3.0 to 5.4, over the same core (docs/protocol/cdi5.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from supertokens.engine.access_token import PROTECTED_CLAIMS, TENANT
from supertokens.errors import (
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
)
from supertokens.service import both_families
from supertokens.service.both_families import (
    created,
    handles_of_user,
    jwt_payload,
    or_unauthorised,
)
from supertokens.service.cdi5_replies import (
    NOTED,
    WITHOUT_RECIPE_USER,
    issued_reply,
    noted_client,
    user_members,
    verified_reply,
)
from supertokens.service.fields import BOOLEAN, MILLISECONDS, OBJECT, STRING, STRINGS, Field
from supertokens.service.listing import FORGET_CLIENTS, LIST_SESSIONS
from supertokens.service.replies import RefusedError, Reply, json_reply
from supertokens.service.routes import CDI5_VERSIONS, Backend, Call, Route
from supertokens.service.session_data import SESSION_DATA
from supertokens.service.standing import CONFIRM, RENEW

__all__ = ["ROUTES"]

_ONE_SELECTOR: Final = "Invalid JSON input - use one of userId or sessionHandles array"
_PROTECTED: Final = "The user payload contains protected field"


def create(backend: Backend, call: Call) -> Reply:
    _refuse_protected(call, call["userDataInJWT"])
    issued = created(
        backend,
        call["userId"],
        call["userDataInJWT"],
        call["userDataInDatabase"],
        anti_csrf=call["enableAntiCsrf"],
        static_key=call.get("useDynamicSigningKey") is False,
        remember=call.get("remember") is not False,
        noted=noted_client(call),
        replaces=call.get("replaces") or (),
    )
    more = {"sessionHandlesRevoked": issued.revoked} if call.get("tellsMore") is True else {}
    return json_reply(issued_reply(call, issued) | more)


def session(backend: Backend, call: Call) -> Reply:
    found = backend.core.session(call["sessionHandle"])
    data = backend.core.session_data(call["sessionHandle"])
    return json_reply(
        {
            "sessionHandle": found.handle,
            **user_members(call, found.user_id),
            "userDataInDatabase": data,
            "expiry": found.expires_at,
            "userDataInJWT": found.jwt_payload,
            "timeCreated": found.created_at,
            "status": "OK",
            "tenantId": TENANT,
            **({"remember": found.remember, "authTime": found.auth_time} if call.get("tellsMore") == "true" else {}),
        }
    )


def verify(backend: Backend, call: Call) -> Reply:
    try:
        verified = backend.core.verify(
            call["accessToken"],
            check_anti_csrf=call["enableAntiCsrf"] and call["doAntiCsrfCheck"],
            anti_csrf_token=call.get("antiCsrfToken"),
            check_database=call["checkDatabase"],
            client=call.get("client"),
        )
    except SuperTokensTryRefreshTokenError as error:
        return json_reply({"status": "TRY_REFRESH_TOKEN", "message": str(error)})
    return json_reply(verified_reply(call, verified))


def can_verify_at_once(backend: Backend, call: Call) -> bool:
    """Return whether the token in `call` decides alone, by keys that `backend` need not read."""
    return not call["checkDatabase"] and backend.core.verifies_at_once(call["accessToken"])


def refresh(backend: Backend, call: Call) -> Reply:
    dynamic = call.get("useDynamicSigningKey")
    try:
        issued = backend.core.refresh(
            call["refreshToken"],
            anti_csrf=call["enableAntiCsrf"],
            anti_csrf_token=call.get("antiCsrfToken"),
            client=call.get("client"),
            static_key=None if dynamic is None else not dynamic,
            in_place=call.get("renewsInPlace") is True,
            noted=noted_client(call),
        )
    except SuperTokensTokenTheftError as theft:
        # In every version: the reference leaves `recipeUserId` out below 4.0 only where a session is answered.
        session = {"handle": theft.session_handle, "userId": theft.user_id, "recipeUserId": theft.user_id}
        return json_reply({"status": "TOKEN_THEFT_DETECTED", "session": session})
    return json_reply(issued_reply(call, issued))


def authenticate_refresh_token(backend: Backend, call: Call) -> Reply:
    token = backend.core.authentic_refresh_token(call["refreshToken"])
    if token is None:
        return json_reply({"status": "UNAUTHORISED", "message": "Invalid refresh token"})
    return json_reply({"status": "OK", "handle": token.handle, "serial": token.serial})


def served_by_record(backend: Backend, call: Call) -> Reply:
    served = backend.core.served_by_record(call["refreshToken"], waited=call["waitedMs"], spares=call["spares"])
    if served is None:
        return json_reply({"status": "NOT_SERVED"})
    session = {"handle": served.handle, "userId": served.user_id, "userDataInJWT": served.jwt_payload}
    return json_reply({"status": "OK", "session": session})


def renewal_terms(backend: Backend, call: Call) -> Reply:
    terms = backend.core.renewal_terms()
    return json_reply({"status": "OK", "graceMs": terms.grace, "accessTokenValidityMs": terms.access_token_validity})


def regenerate(backend: Backend, call: Call) -> Reply:
    payload = call.get("userDataInJWT")
    _refuse_protected(call, payload or {})
    return json_reply(verified_reply(call, backend.core.regenerate(call["accessToken"], payload)))


def remove(backend: Backend, call: Call) -> Reply:
    by_user, handles = "userId" in call.values, call.get("sessionHandles")
    if by_user is (handles is not None):
        raise RefusedError(400, _ONE_SELECTOR)
    for name in ("revokeAcrossAllTenants", "revokeSessionsForLinkedAccounts"):
        if name in call.values and not by_user:
            raise RefusedError(400, f"Invalid JSON input - {name} can only be set if userId is set")
    core = backend.core
    revoked = core.revoke_user(call["userId"]) if handles is None else core.revoke_sessions(handles)
    return json_reply({"status": "OK", "sessionHandlesRevoked": revoked})


def update_jwt_payload(backend: Backend, call: Call) -> Reply:
    _refuse_protected(call, call["userDataInJWT"])
    return both_families.update_jwt_payload(backend, call)


def published_keys(backend: Backend, call: Call) -> Reply:
    keys, max_age = backend.core.keys.published(backend.clock())
    caching = ("cache-control", f"max-age={max_age}, must-revalidate")
    return json_reply({"keys": keys}, headers=(caching,))


def published_keys_with_status(backend: Backend, call: Call) -> Reply:
    keys, _ = backend.core.keys.published(backend.clock())
    return json_reply({"keys": keys, "status": "OK"})


def user_by_id(backend: Backend, call: Call) -> Reply:
    """Answer that there is no such user: this core has none.

    SDKs ask before they create a session, and go on.
    """
    return json_reply({"status": "UNKNOWN_USER_ID_ERROR"})


def at_once(backend: Backend, call: Call) -> bool:
    return True


def _refuse_protected(call: Call, payload: Mapping[str, Any]) -> None:
    in_the_way = PROTECTED_CLAIMS.intersection(payload)
    # The tokens of those versions had no such claim (docs/protocol/cdi5.md#access-tokens).
    if call.version in WITHOUT_RECIPE_USER:
        in_the_way -= {"rsub"}
    if in_the_way:
        raise RefusedError(400, _PROTECTED)


_HANDLE: Final = Field("sessionHandle", STRING, "Which session")
_JWT: Final = Field("userDataInJWT", OBJECT, "The payload that access tokens carry")
_DATA: Final = Field("userDataInDatabase", OBJECT, "Data that stays on the server")
_ACCESS_TOKEN: Final = Field("accessToken", STRING, "The access token")
_REFRESH_TOKEN: Final = Field("refreshToken", STRING, "The refresh token")
_ANTI_CSRF: Final = Field("antiCsrfToken", STRING, "The anti-CSRF value that the request carried", None)
_ENABLE_ANTI_CSRF: Final = Field("enableAntiCsrf", BOOLEAN, "Whether the session has an anti-CSRF value")
_CLIENT: Final = Field("client", STRING, "Identifies the caller's client; an extension of this core", None)
_IN_PLACE: Final = Field(
    "renewsInPlace", BOOLEAN, "Whether a server renews for a browser without a library; an extension of this core", None
)
_REMEMBER: Final = Field(
    "remember", BOOLEAN, "Whether the browser keeps its cookies when it is closed; an extension of this core", None
)
_TELLS_MORE: Final = Field(
    "tellsMore",
    BOOLEAN,
    "Whether the reply has the members that other cores do not know; an extension of this core",
    None,
)
_TELLS_MORE_IN_QUERY: Final = Field("tellsMore", STRING, "`true`: as in bodies; an extension of this core", None)
_MAY_BE_GONE: Final = ("OK", "UNAUTHORISED")
_V: Final = CDI5_VERSIONS


def _dynamic(required_since: str | None) -> Field:
    return Field("useDynamicSigningKey", BOOLEAN, "Whether a key signs that is rotated", required_since)


ROUTES: Final = (
    Route(
        "POST", "/recipe/session", create, "Create a session", _V,
        body=(
            Field("userId", STRING, "Whose session"), _JWT, _DATA, _ENABLE_ANTI_CSRF, _dynamic(None), _REMEMBER,
            _TELLS_MORE, *NOTED,
            Field("replaces", STRINGS, "Sessions that end when it begins; an extension of this core", None),
        ),
    ),
    Route(
        "GET", "/recipe/session", or_unauthorised(session), "What is stored about a session", _V,
        query=(_HANDLE, _TELLS_MORE_IN_QUERY), outcomes=_MAY_BE_GONE,
    ),
    Route(
        "POST", "/recipe/session/verify", or_unauthorised(verify), "Verify an access token", _V,
        body=(
            _ACCESS_TOKEN, _ANTI_CSRF, Field("doAntiCsrfCheck", BOOLEAN, "Whether the anti-CSRF value must be right"),
            _ENABLE_ANTI_CSRF, Field("checkDatabase", BOOLEAN, "Whether a revocation counts at once"), _CLIENT,
            _TELLS_MORE,
        ),
        outcomes=("OK", "UNAUTHORISED", "TRY_REFRESH_TOKEN"), at_once=can_verify_at_once,
    ),
    Route(
        "POST", "/recipe/session/refresh", or_unauthorised(refresh), "Exchange a refresh token", _V,
        body=(_REFRESH_TOKEN, _ANTI_CSRF, _ENABLE_ANTI_CSRF, _dynamic("5.0"), _CLIENT, _IN_PLACE, _TELLS_MORE, *NOTED),
        outcomes=("OK", "UNAUTHORISED", "TOKEN_THEFT_DETECTED"),
    ),
    Route(
        "POST", "/recipe/session/refresh/authenticate", authenticate_refresh_token,
        "Which session and serial a refresh token is of, without exchanging it; an extension of this core", _V,
        body=(_REFRESH_TOKEN,), outcomes=_MAY_BE_GONE,
    ),
    Route(
        "POST", "/recipe/session/served-by-record", or_unauthorised(served_by_record),
        "Whether the record serves a request that came too late to be renewed; an extension of this core", _V,
        body=(
            _REFRESH_TOKEN, Field("waitedMs", MILLISECONDS, "How long ago the request came in"),
            Field("spares", BOOLEAN, "Whether it is enough that the record exists"),
        ),
        outcomes=("OK", "UNAUTHORISED", "NOT_SERVED"),
    ),
    Route(
        "GET", "/recipe/session/renewal-terms", renewal_terms,
        "The parameters of renewal by an app's server; an extension of this core", _V,
    ),
    Route(
        "POST", "/recipe/session/regenerate", or_unauthorised(regenerate),
        "Renew an access token with another payload", _V,
        body=(
            _ACCESS_TOKEN, Field("userDataInJWT", OBJECT, "The new payload; the stored one if absent", None),
            _TELLS_MORE,
        ),
        outcomes=_MAY_BE_GONE,
    ),
    Route(
        "POST", "/recipe/session/remove", remove, "Revoke sessions", _V,
        body=(
            Field("userId", STRING, "All sessions of a user", None),
            Field("sessionHandles", STRINGS, "Which sessions", None),
            Field("revokeAcrossAllTenants", BOOLEAN, "With userId only; there is one tenant", None),
            Field("revokeSessionsForLinkedAccounts", BOOLEAN, "With userId only; no accounts are linked", None),
        ),
    ),
    Route(
        "GET", "/recipe/session/user", handles_of_user, "The sessions of a user", _V,
        query=(
            Field("userId", STRING, "Whose sessions"),
            Field("fetchAcrossAllTenants", STRING, "There is one tenant", None),
            Field("fetchSessionsForAllLinkedAccounts", STRING, "No accounts are linked", None),
        ),
    ),
    LIST_SESSIONS,
    FORGET_CLIENTS,
    RENEW,
    CONFIRM,
    *SESSION_DATA,
    Route(
        "GET", "/recipe/jwt/data", or_unauthorised(jwt_payload), "Read userDataInJWT", _V,
        query=(_HANDLE,), outcomes=_MAY_BE_GONE,
    ),
    Route(
        "PUT", "/recipe/jwt/data", or_unauthorised(update_jwt_payload), "Replace userDataInJWT", _V,
        body=(_HANDLE, _JWT, _TELLS_MORE), outcomes=_MAY_BE_GONE,
    ),
    Route("GET", "/recipe/jwt/jwks", published_keys_with_status, "The keys that verify access tokens", _V),
    Route(
        "GET", "/.well-known/jwks.json", published_keys, "The keys that verify access tokens (RFC 7517)", _V,
        outcomes=(), needs_api_key=False, needs_version=False, answers_browsers=True,
    ),
    Route(
        "GET", "/user/id", user_by_id, "A user by id: unknown, as this core has sessions only", _V,
        query=(Field("userId", STRING, "Which user"),), outcomes=("UNKNOWN_USER_ID_ERROR",), at_once=at_once,
    ),
)  # fmt: skip
