# SPDX-License-Identifier: Apache-2.0
"""Sites and visitors; each test runs with requests of both interfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from supertokens.testing import FakeClock
from supertokens.transport import duplicates

from .site import HEADER_MODE, LEGACY, MODERN, PLAIN, MakeRequest, Site, Visitor, by_asgi, by_wsgi

MakeSite = Callable[..., Site]


@pytest.fixture(params=[by_wsgi, by_asgi], ids=["wsgi", "asgi"])
def make_request(request: pytest.FixtureRequest) -> MakeRequest:
    """How requests come in."""
    chosen: MakeRequest = request.param
    return chosen


@pytest.fixture
def make_site(clock: FakeClock, make_request: MakeRequest) -> MakeSite:
    """A site with those keys of the configuration."""
    return partial(Site, clock, make_request)


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site()


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """A browser of the plain dialect that is logged in."""
    visitor = Visitor(site)
    visitor.log_in()
    return visitor


@pytest.fixture(params=[PLAIN, LEGACY, MODERN], ids=["plain", "legacy", "modern"])
def dialect(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The headers of each kind of browser library that keeps cookies."""
    chosen: Mapping[str, str] = request.param
    return chosen


@pytest.fixture(params=[PLAIN, LEGACY, MODERN, HEADER_MODE], ids=["plain", "legacy", "modern", "header mode"])
def any_dialect(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """These, and a library that keeps tokens itself."""
    chosen: Mapping[str, str] = request.param
    return chosen


@pytest.fixture(autouse=True)
def no_warning_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning of conflicting sessions is rationed for the whole process."""
    monkeypatch.setattr(duplicates, "_warning", duplicates._RationedWarning())
