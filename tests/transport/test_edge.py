# SPDX-License-Identifier: Apache-2.0
"""What the requests of one application have in common."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from supertokens.config import Config, ConfigError
from supertokens.core import Core, EmbeddedCore, RenewalTerms, system_clock
from supertokens.engine.renewal import RenewalTimes
from supertokens.errors import SuperTokensGeneralError, SuperTokensUnauthorisedError
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock
from supertokens.transport import SessionEdge

from .site import Site, Visitor

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def site(clock: FakeClock) -> Site:
    return Site(clock)


def edge_of(open_core: object, **options: object) -> SessionEdge:
    return SessionEdge(Config(**options), open_core, rewrite=lambda *_: None)  # type: ignore[arg-type]


def test_the_core_is_opened_on_first_use_and_once_however_many_threads_ask(core: EmbeddedCore) -> None:
    opened: list[int] = []
    all_ask = threading.Barrier(8)

    def open_core() -> Core:
        opened.append(threading.get_ident())
        time.sleep(0)  # lets another thread run, which would open a second one
        return core

    edge = edge_of(open_core)
    assert (opened, edge.opened_core) == ([], None)

    def ask(_: int) -> Core:
        all_ask.wait(10)
        return edge.core

    with ThreadPoolExecutor(8) as threads:
        assert set(map(id, threads.map(ask, range(8)))) == {id(core)}
    assert len(opened) == 1
    assert edge.opened_core is core


def test_a_core_that_could_not_be_opened_is_tried_again(core: EmbeddedCore) -> None:
    outcomes: list[Core | None] = [None, None, core]

    def open_core() -> Core:
        outcome = outcomes.pop(0)
        if outcome is None:
            raise SuperTokensGeneralError("the store is away")
        return outcome

    edge = edge_of(open_core)
    for _ in range(2):
        with pytest.raises(SuperTokensGeneralError):
            edge.core  # noqa: B018
    assert edge.core is core


class Announcing(EmbeddedCore):
    """A core that announces other terms of renewal than its own."""

    terms: RenewalTerms | None = None

    def renewal_terms(self) -> RenewalTerms | None:  # type: ignore[override]
        return self.terms


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (None, "siblings"),
        (RenewalTerms(0, 3_600_000), "two requests of one page"),
        (RenewalTerms(10_000, 79_999), "dying access token"),
    ],
    ids=["announces nothing", "no grace period", "short tokens"],
)
def test_a_core_beside_which_the_server_must_not_renew_is_refused_at_each_use(
    store: SqliteStore, clock: FakeClock, terms: RenewalTerms | None, why: str
) -> None:
    core = Announcing(Config(), store, clock=clock)
    core.terms = terms
    edge = edge_of(lambda: core, renewal="server")
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"'renewal: server' cannot be combined with this core: .*{why}"):
            edge.core  # noqa: B018
    assert edge_of(lambda: core, renewal="client").core is core


def test_the_times_of_renewal_are_those_of_the_core(store: SqliteStore, clock: FakeClock) -> None:
    core = Announcing(Config(), store, clock=clock)
    core.terms = RenewalTerms(4_000, 32_000)
    edge = edge_of(lambda: core, renewal="server", renewal_upload_grace=7)
    assert edge.core is core
    assert edge.times == RenewalTimes(grace=4_000, in_time=1_000, margin=12_000, upload_grace=7_000)


def test_an_edge_has_the_clock_of_the_system_unless_it_is_given_one(clock: FakeClock, core: EmbeddedCore) -> None:
    assert abs(edge_of(lambda: core).clock() - system_clock()) < 5_000
    assert Site(clock).edge.clock() == clock()


@pytest.mark.parametrize(("grace_s", "margin_ms"), [(10, 30_000), (1, 3_000), (0, 0)])
def test_the_margin_of_a_re_issued_token_is_three_grace_periods(
    core: EmbeddedCore, grace_s: int, margin_ms: int
) -> None:
    assert edge_of(lambda: core, refresh_token_rotation_grace_period=grace_s).times.margin == margin_ms


def test_payload_and_data_are_read_and_replaced_by_handle_within_the_limits(site: Site) -> None:
    handle = site.core.create_session("ada", {"role": "admin"}, {}, anti_csrf=False).handle
    edge = site.edge
    assert edge.jwt_payload(handle) == {"role": "admin"}
    edge.update_jwt_payload(handle, {"role": "none"})
    assert edge.jwt_payload(handle) == {"role": "none"}
    edge.update_jwt_payload(handle, None)
    assert edge.jwt_payload(handle) == {}
    edge.update_session_data(handle, {"cart": [1]})
    assert site.core.session_data(handle) == {"cart": [1]}
    for update, wrong in ((edge.update_jwt_payload, {"sub": "mallory"}), (edge.update_jwt_payload, {"a": "x" * 9000}),
                          (edge.update_session_data, {"a": "x" * 2**21})):  # fmt: skip
        with pytest.raises(ValueError, match=r"jwt_payload|session_data"):
            update(handle, wrong)
    assert (edge.jwt_payload(handle), site.core.session_data(handle)) == ({}, {"cart": [1]})


def test_the_user_id_counts_where_a_payload_is_replaced_by_handle(site: Site) -> None:
    payload = {"a": "x" * 1600}
    short = site.core.create_session("u", {}, {}, anti_csrf=False).handle
    long = site.core.create_session("ü" * 60, {}, {}, anti_csrf=False).handle
    site.edge.update_jwt_payload(short, payload)
    with pytest.raises(ValueError, match="jwt_payload is too large"):
        site.edge.update_jwt_payload(long, payload)


def test_a_session_that_does_not_exist_is_unauthorised_by_handle(site: Site) -> None:
    for verb in (
        lambda: site.edge.jwt_payload(UNKNOWN),
        lambda: site.edge.update_jwt_payload(UNKNOWN, {}),
        lambda: site.edge.update_session_data(UNKNOWN, {}),
    ):
        with pytest.raises(SuperTokensUnauthorisedError):
            verb()


def test_headers_that_proxies_do_not_take_by_default_are_named_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    Visitor(site).log_in(payload={"a": "x" * 300})
    assert caplog.messages == []
    for _ in range(2):
        Visitor(site).log_in(payload={"a": "x" * 800})
    [message] = caplog.messages
    assert "proxy_buffer_size" in message
    assert "3584" not in message, "it names the size that there was"
