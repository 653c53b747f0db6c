# SPDX-License-Identifier: Apache-2.0
"""System checks: `manage.py check` names a wrong setting, and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.utils.module_loading import import_string

from supertokens.config import ConfigError
from supertokens.django.middleware import SuperTokensMiddleware
from supertokens.django.settings import NAME, read_settings

__all__ = ["check_middleware", "check_settings"]

_MIDDLEWARE: Final = "supertokens.django.SuperTokensMiddleware"


def check_settings(**_: Any) -> list[CheckMessage]:
    """Return errors and warnings about the setting `SUPERTOKENS`."""
    try:
        explained = read_settings(getattr(settings, NAME, None))[1]
    except ConfigError as error:
        entry = f"Correct {NAME}[{error.key!r}]" if error.key else f"Correct {NAME}"
        return [Error(str(error), hint=f"{entry}; docs/configuration.md has all settings.", id="supertokens.E001")]
    found: list[CheckMessage] = [Warning(text, id="supertokens.W001") for text in explained.warnings]
    return found


def check_middleware(**_: Any) -> list[CheckMessage]:
    """Return an error unless MIDDLEWARE contains `SuperTokensMiddleware` exactly once."""
    places = list(_places_of(SuperTokensMiddleware))
    if len(places) == 1:
        return []
    hint = (
        f"Put {_MIDDLEWARE!r} there once, first or next to SecurityMiddleware: its changes then reach every response."
    )
    missing = "is not" if not places else "is more than once"
    return [Error(f"'SuperTokensMiddleware' {missing} in MIDDLEWARE.", hint=hint, id="supertokens.E002")]


def _places_of(kind: type) -> Iterator[int]:
    """Yield the positions of `kind`, or a subclass, in MIDDLEWARE."""
    for place, path in enumerate(settings.MIDDLEWARE):
        try:
            found = import_string(path)
        except ImportError:  # Django reports this itself
            continue
        if isinstance(found, type) and issubclass(found, kind):
            yield place
