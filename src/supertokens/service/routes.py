# SPDX-License-Identifier: Apache-2.0
"""The declaration of a route, read by both the dispatcher and the OpenAPI document so that they cannot differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.service.fields import Field
from supertokens.service.replies import Reply

__all__ = ["CDI2_VERSIONS", "CDI5_VERSIONS", "METHODS", "VERSIONS", "Backend", "Call", "Route", "never"]

CDI2_VERSIONS: Final = ("1.0", "2.0", "2.1", "2.2", "2.3")
CDI5_VERSIONS: Final = ("3.0", "3.1", "4.0", "5.0", "5.1", "5.2", "5.3", "5.4")
VERSIONS: Final = (*CDI2_VERSIONS, *CDI5_VERSIONS)
"""Versions of the core-driver interface (CDI) that are spoken, oldest first."""

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE")
"""Methods that get 405 where they do not exist; any other gets 501 (docs/protocol/cdi2.md#order-of-the-checks)."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything that the handlers work with."""

    core: EmbeddedCore
    config: Config
    pid: int
    """Process id of the service, which programs that started it know."""
    config_path: str | None = None
    """Absolute path of the config.yaml, if there is one."""
    clock: Callable[[], int] = system_clock
    """ms since the epoch."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed all checks but those of its handler.

    `values`: of the declared fields. `may_know_the_machine`: whether its sender may be told paths and process ids.
    """

    version: str
    values: Mapping[str, Any]
    may_know_the_machine: bool = False

    def get(self, name: str) -> Any:
        return self.values.get(name)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


Handler = Callable[[Backend, Call], Reply]


def never(backend: Backend, call: Call) -> bool:
    """Return False, for handlers that may wait for the store, or sign: they run in a thread."""
    return False


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    `versions`: those of the interface under which the path exists. `gate`: what it answers, before the body is looked
    at, to some of them. `answers_browsers`: whether it answers what a web page sends as well: what is public, and
    changes nothing. `tells_of_the_machine`: whether it needs to know if its caller may be told paths and process ids.
    `at_once`: whether a call can be answered without waiting for anything.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    versions: tuple[str, ...]
    body: tuple[Field, ...] | None = None
    query: tuple[Field, ...] = ()
    outcomes: tuple[str, ...] = ("OK",)
    """Values of `status` in the reply; empty for a reply without."""
    needs_api_key: bool = True
    needs_version: bool = True
    answers_browsers: bool = False
    tells_of_the_machine: bool = False
    gate: Mapping[str, str] = field(default_factory=dict)
    at_once: Callable[[Backend, Call], bool] = never
