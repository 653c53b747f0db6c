# SPDX-License-Identifier: Apache-2.0
"""Both topologies."""

from tests.topologies import clock, make_core, pytest_generate_tests, topology

__all__ = ["clock", "make_core", "pytest_generate_tests", "topology"]
