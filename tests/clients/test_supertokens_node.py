# SPDX-License-Identifier: Apache-2.0
"""The real supertokens-node of today, with Express."""

from __future__ import annotations

import pytest

from .modern_contract import ModernSdkContract

SDK = "supertokens-node"
pytestmark = pytest.mark.xdist_group(SDK)


class TestSupertokensNode(ModernSdkContract):
    pass
