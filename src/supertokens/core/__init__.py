# SPDX-License-Identifier: Apache-2.0
"""The core: the only place where a rule of the engine meets a store."""

from supertokens.core.embedded import EmbeddedCore, system_clock
from supertokens.core.protocol import Core
from supertokens.core.topology import open_core

__all__ = ["Core", "EmbeddedCore", "open_core", "system_clock"]
