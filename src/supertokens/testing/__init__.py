# SPDX-License-Identifier: Apache-2.0
"""Tools for tests: of applications that use sessions, and of stores that keep them."""

from supertokens.testing.browser import Browser
from supertokens.testing.clock import FakeClock
from supertokens.testing.keys import KeysOnce
from supertokens.testing.store_contract import StoreContract

__all__ = ["Browser", "FakeClock", "KeysOnce", "StoreContract"]
