# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supertokens.remote.hosts import MAX_REST_S, MIN_REST_S, Hosts


def test_a_rest_doubles_up_to_a_bound_and_ends_with_the_first_answer() -> None:
    hosts = Hosts(["a"])
    [host] = hosts.all
    now, rests = 0.0, []
    for _ in range(8):
        assert hosts.next(now, [], may_try_again=True) is host
        hosts.failed(host, now)
        rests.append(host.rests_until - now)
        assert hosts.next(host.rests_until - 0.01, [], may_try_again=True) is None
        now = host.rests_until
    assert rests == [0.5, 1, 2, 4, 8, 8, 8, 8]
    hosts.answered(host)
    hosts.failed(host, now)
    assert host.rests_until - now == MIN_REST_S


def test_one_call_tries_a_host_whose_rest_is_over_and_the_others_go_elsewhere() -> None:
    hosts = Hosts(["a", "b"])
    one, two = hosts.all
    hosts.failed(one, 0.0)
    given = [hosts.next(MIN_REST_S, [], may_try_again=True) for _ in range(5)]
    assert given == [one, two, two, two, two]


def test_a_call_that_cannot_be_repeated_tries_no_host_that_failed_while_another_is_well() -> None:
    hosts = Hosts(["a", "b"])
    one, two = hosts.all
    hosts.failed(one, 0.0)
    assert {hosts.next(99.0, [], may_try_again=False) for _ in range(5)} == {two}
    hosts.failed(two, 99.0)
    assert hosts.next(99.0, [], may_try_again=False) is one
    assert hosts.next(99.0, [], may_try_again=False) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0, 20), st.booleans()), max_size=60))
def test_nobody_is_asked_twice_and_every_host_is_asked_again_within_the_longest_rest(
    events: list[tuple[int, bool, float, bool]],
) -> None:
    hosts = Hosts(["a", "b", "c", "d"])
    now = 0.0
    for number, fails, pause, may_try_again in events:
        now += pause
        host = hosts.all[number]
        (hosts.failed if fails else lambda host, _: hosts.answered(host))(host, now)
        tried = []
        while host := hosts.next(now, tried, may_try_again=may_try_again):
            assert host not in tried
            assert not host.failures or host.rests_until > now, "one that failed was given to this call alone"
            tried.append(host)
    asked = []
    while host := hosts.next(now + MAX_REST_S, asked, may_try_again=True):
        asked.append(host)
    assert len(asked) == 4
