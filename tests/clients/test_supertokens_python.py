# SPDX-License-Identifier: Apache-2.0
"""The real supertokens-python of today, with Flask."""

from __future__ import annotations

import pytest

from .modern_contract import ModernSdkContract

SDK = "supertokens-python"
pytestmark = pytest.mark.xdist_group(SDK)


class TestSupertokensPython(ModernSdkContract):
    pass
