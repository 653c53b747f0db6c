# SPDX-License-Identifier: Apache-2.0
"""Authentication for Django REST framework with our sessions."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication

from supertokens.django.auth import user_of
from supertokens.django.requests import request_of
from supertokens.django.session import Session
from supertokens.django.verbs import verify_session
from supertokens.errors import SuperTokensUnauthorisedError

__all__ = ["SuperTokensAuthentication"]


class SuperTokensAuthentication(BaseAuthentication):  # type: ignore[misc]
    """Sets `request.user` to the user of the session, and `request.auth` to the `Session`.

    Cross-site requests are refused for all methods but GET, as `anti_csrf` says: the framework exempts its views from
    Django's CSRF protection. Override `user_of` if users are not those of `django.contrib.auth`.
    """

    def authenticate(self, request: Any) -> tuple[Any, Session] | None:
        """Return the user and the session of `request`, or None if it has none.

        Raise SuperTokensTryRefreshTokenError, SuperTokensCrossOriginError, and SuperTokensUnauthorisedError (the
        cookies are cleared) if the session no longer has a user; `SuperTokensMiddleware` responds to them.
        """
        session = verify_session(request, required=False)
        if session is None:
            return None
        user = self.user_of(session)
        if user is None or not user.is_authenticated:
            owner = request_of(request).asked_for(request)
            raise owner.refused(SuperTokensUnauthorisedError("the session's user does not exist, or may not log in"))
        return user, session

    def user_of(self, session: Session) -> Any:
        """Return the user of `session`, or None: by default, of a session created by `log_in`."""
        return user_of(session)

    def authenticate_header(self, request: Any) -> str:  # noqa: ARG002
        """Return the value of WWW-Authenticate, so that the response to `request` is a 401 instead of a 403."""
        return "Bearer"
