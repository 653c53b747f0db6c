# SPDX-License-Identifier: Apache-2.0
"""Both topologies; in the app, on a store that no event loop may ask."""

from tests.asgi.conftest import (
    clock,
    make_core,
    no_service_is_asked_on_the_loop,
    pytest_generate_tests,
    store,
    topology,
)

__all__ = [
    "clock", "make_core", "no_service_is_asked_on_the_loop", "pytest_generate_tests", "store", "topology",
]  # fmt: skip
