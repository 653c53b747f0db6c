# SPDX-License-Identifier: Apache-2.0
"""From a request to tokens, from an outcome to cookies and headers: the browser's protocol, free of frameworks."""

from supertokens.transport.artefacts import CORS_HEADERS
from supertokens.transport.changes import Changes, Header, listed
from supertokens.transport.exchange import Edge, Exchange
from supertokens.transport.request import Request
from supertokens.transport.session import Session

__all__ = ["CORS_HEADERS", "Changes", "Edge", "Exchange", "Header", "Request", "Session", "listed"]
