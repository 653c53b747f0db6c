# SPDX-License-Identifier: Apache-2.0
"""`require_session`, the dependency that protects a route, shown in OpenAPI as its security scheme."""

# Without `from __future__ import annotations`: FastAPI reads the annotations of a dependency that is an object.

from collections.abc import Awaitable, Callable
from typing import Literal, overload

from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from supertokens.asgi import Session, verify_session

__all__ = ["require_session"]


@overload
def require_session(
    anti_csrf_check: bool | None = None, required: Literal[True] = True, check_database: bool | None = None
) -> Callable[[HTTPConnection], Awaitable[Session]]: ...


@overload
def require_session(
    anti_csrf_check: bool | None = None, required: bool = True, check_database: bool | None = None
) -> Callable[[HTTPConnection], Awaitable[Session | None]]: ...


def require_session(
    anti_csrf_check: bool | None = None, required: bool = True, check_database: bool | None = None
) -> Callable[[HTTPConnection], Awaitable[Session | None]]:
    """Return a dependency that gives a route its session: `session: Session = Depends(require_session())`.

    `anti_csrf_check`: None checks all methods but GET, and WebSocket handshakes with `anti_csrf: origin`. Without
    `required` the route is also called if there is no session, with None. `check_database`: whether the record is read,
    so that a revocation takes effect at once; None: as `access_token_blacklisting` says. Raise as `verify_session`.
    """
    return _RequireSession(anti_csrf_check, required, check_database)


class _RequireSession(SecurityBase):
    def __init__(self, anti_csrf_check: bool | None, required: bool, check_database: bool | None) -> None:
        self.model = APIKey.model_validate({"in": APIKeyIn.cookie, "name": "sAccessToken"})
        self.scheme_name = "session"
        self._anti_csrf_check = anti_csrf_check
        self._required = required
        self._check_database = check_database

    async def __call__(self, connection: HTTPConnection) -> Session | None:
        return await verify_session(
            connection, self._anti_csrf_check, required=self._required, check_database=self._check_database
        )
