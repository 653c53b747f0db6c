# SPDX-License-Identifier: Apache-2.0
"""The core as an HTTP service: both families of the core-driver interface, by `serve`."""

from supertokens.service.server import DEFAULT_DATABASE, ListeningError, serve
from supertokens.service.worker import Limits

__all__ = ["DEFAULT_DATABASE", "Limits", "ListeningError", "serve"]
