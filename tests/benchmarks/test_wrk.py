# SPDX-License-Identifier: Apache-2.0
"""What wrk prints, read: a run in which one reply was wrong gives no figure."""

from __future__ import annotations

from typing import Final

import pytest
from benchmarks.wrk import Load, load_of

PRINTED: Final = """Running 1s test @ http://127.0.0.1:3567/recipe/session
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     7.50ms    2.10ms  30.42ms   81.67%
    Req/Sec     1.07k   120.00     1.31k    70.00%
  Latency Distribution
     50%    7.28ms
     75%    8.13ms
     90%    9.75ms
     99%  956.00us
  1069 requests in 1.00s, 2.10MB read
Requests/sec:   1068.25
Transfer/sec:      2.10MB
Wrong replies: 0 {}
"""


def test_throughput_and_percentiles_are_read_in_microseconds() -> None:
    assert load_of(PRINTED, "create") == Load(each=1e6 / 1068.25, p50=7280.0, p99=956.0)
    assert load_of(PRINTED.replace("956.00us", "1.25s"), "create").p99 == 1_250_000.0


@pytest.mark.parametrize(
    ("printed", "instead"),
    [
        ("Wrong replies: 0 {}", "Wrong replies: 3 401 {}"),
        ("Transfer/sec:", "  Non-2xx or 3xx responses: 1\nTransfer/sec:"),
        ("Transfer/sec:", "  Socket errors: connect 0, read 1, write 0, timeout 0\nTransfer/sec:"),
        ("Requests/sec:   1068.25", "Requests/sec:      0.00"),
        ("     99%  956.00us", ""),
    ],
)
def test_a_run_with_anything_wrong_gives_no_figure(printed: str, instead: str) -> None:
    assert printed in PRINTED
    with pytest.raises(RuntimeError, match="create"):
        load_of(PRINTED.replace(printed, instead), "create")
