# SPDX-License-Identifier: Apache-2.0
"""Tools for tests: of applications that use sessions, of stores that keep them, and of frameworks' integrations."""

from supertokens.testing.browser import Browser
from supertokens.testing.clock import FakeClock
from supertokens.testing.integration_contract import IntegrationContract
from supertokens.testing.keys import KeysOnce
from supertokens.testing.store_contract import StoreContract

__all__ = ["Browser", "FakeClock", "IntegrationContract", "KeysOnce", "StoreContract"]
