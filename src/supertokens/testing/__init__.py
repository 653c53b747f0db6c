# SPDX-License-Identifier: Apache-2.0
"""Tools for testing applications that use sessions, stores that keep them, and integrations of frameworks."""

from supertokens.testing.apps import in_memory, in_memory_core, rotate_keys
from supertokens.testing.browser import Browser
from supertokens.testing.clients import AsgiClient, Client, WsgiClient
from supertokens.testing.clock import FakeClock, SkewedClock
from supertokens.testing.integration_contract import IntegrationContract
from supertokens.testing.keys import KeysOnce
from supertokens.testing.login import login_as
from supertokens.testing.messages import Request, Response, ResponseLostError
from supertokens.testing.network import InFlight, Network
from supertokens.testing.store_contract import StoreContract
from supertokens.testing.tab import Tab
from supertokens.testing.workers import Workers

__all__ = [
    "AsgiClient", "Browser", "Client", "FakeClock", "InFlight", "IntegrationContract", "KeysOnce", "Network", "Request",
    "Response", "ResponseLostError", "SkewedClock", "StoreContract", "Tab", "Workers", "WsgiClient", "in_memory",
    "in_memory_core", "login_as", "rotate_keys",
]  # fmt: skip
