# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document, made of the declarations that the dispatcher goes by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from supertokens import __version__
from supertokens.service.routes import VERSIONS, Route

__all__ = ["document"]

_JSON: Final = "application/json"
_TEXT: Final = "text/html"
_WORDS: Final = {_TEXT: {"schema": {"type": "string"}}}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document about what `routes` take and answer."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SuperTokens sessions core",
            "version": __version__,
            "description": "Sessions, for SuperTokens backend SDKs. Paths of the modern family may be prefixed by"
            " /appid-public, /public, or both.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            }
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}{route.path.replace('/', '_').replace('.', '_')}",
        "responses": _responses(route),
    }
    parameters = [
        {"name": field.name, "in": "query", "description": field.meaning, "schema": dict(field.kind.schema)}
        | {"required": field.required_since is not None}
        for field in route.query
    ]
    if route.needs_version:
        parameters.insert(0, _version_header(route))
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": _body(route)}}}
    operation["security"] = [{"apiKey": []}, {"bearer": []}, {}] if route.needs_api_key else []
    return operation


def _version_header(route: Route) -> dict[str, Any]:
    return {
        "name": "cdi-version",
        "in": "header",
        "description": "Version of the core-driver interface",
        "required": False,
        "schema": {"type": "string", "enum": [version for version in VERSIONS if version in route.versions]},
    }


def _body(route: Route) -> dict[str, Any]:
    fields = route.body or ()
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: {**field.kind.schema, "description": field.meaning} for field in fields},
    }
    # A field that newer versions demand is named as required: sending it is right under all of them.
    required = [field.name for field in fields if field.required_since is not None]
    return schema | {"required": required} if required else schema


def _responses(route: Route) -> dict[str, Any]:
    is_text = route.path in ("/hello", "/")
    reply: dict[str, Any] = {"type": "object"}
    if route.outcomes:
        reply |= {
            "properties": {"status": {"type": "string", "enum": list(route.outcomes)}},
            "required": ["status"],
        }
    content = _WORDS if is_text else {_JSON: {"schema": reply}}
    responses = {"200": {"description": "An answer; `status` says which", "content": content}}
    refusals = {"400": "Not in order: the text says what", "404": "No such path", "405": "No such method"}
    refusals["500"] = "The store failed"
    if not route.answers_browsers:
        refusals |= {"403": "Sent by a browser, or for the name of another host, and without an API key"}
    if route.needs_api_key:
        refusals |= {"401": "No API key, or none that is known"}
    if route.body is not None:
        refusals |= {"408": "The body took too long", "413": "The body is too large", "415": "Unknown charset"}
    responses |= {status: {"description": words, "content": _WORDS} for status, words in sorted(refusals.items())}
    if "UNAVAILABLE" in route.outcomes:
        responses["503"] = {"description": "The store cannot be reached", "content": content}
    return responses
