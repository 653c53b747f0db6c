# SPDX-License-Identifier: Apache-2.0
"""Firefox as a visitor without scripts has it, through WebDriver BiDi."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .bidi import BidiConnection, BidiError
from .browsing import SPENT_HEADER, Heard, InterruptedNavigationError, heard_nothing

_LOAD_WITHIN_S: Final = 40
_KEPT_WITHIN_S: Final = 0.5
_EVENTS: Final = (
    "browsingContext.load",
    "browsingContext.navigationFailed",
    "network.beforeRequestSent",
    "network.fetchError",
    "network.responseCompleted",
)
_CONTROL: Final = "\ue009"
_DELETE: Final = "\ue017"


@contextmanager
def _interruptible() -> Iterator[None]:
    """A page that goes away takes its elements along; a navigation may be cut short by another."""
    try:
        yield
    except BidiError as error:
        if error.kind not in ("unknown error", "no such node", "stale element reference", "no such history entry"):
            raise
        raise InterruptedNavigationError(str(error)) from None


class FirefoxTab:
    """A `Tab` of Firefox."""

    def __init__(self, connection: BidiConnection, context: str) -> None:
        self.loads = 0
        self.failures = 0
        self.navigating: set[str] = set()
        self._connection = connection
        self._context = context

    @property
    def url(self) -> str:
        [tree] = self._call("browsingContext.getTree", root=self._context, maxDepth=0)["contexts"]
        return str(tree["url"])

    @_interruptible()
    def open(self, url: str) -> None:
        self._tell("browsingContext.navigate", url=url, wait="complete")

    @_interruptible()
    def reload(self) -> None:
        self._tell("browsingContext.reload", wait="complete")

    @_interruptible()
    def go_back(self) -> None:
        loads = self.loads
        try:
            self._tell("browsingContext.traverseHistory", delta=-1)
        except BidiError as error:
            if error.kind == "no such history entry":
                return
            raise
        # A page that Firefox has kept is shown again without being loaded.
        if not self._connection.listen(_KEPT_WITHIN_S, lambda: self.loads != loads) and self.navigating:
            self._load(lambda: None, loads)

    @_interruptible()
    def texts(self, selector: str) -> list[str]:
        found = self._find(selector, depth=1)
        return ["".join(part["value"].get("nodeValue", "") for part in each["value"]["children"]) for each in found]

    @_interruptible()
    def fill(self, selector: str, text: str) -> None:
        [field] = self._find(selector)
        self._press(field)
        strokes = [(_CONTROL, "keyDown"), ("a", "keyDown"), ("a", "keyUp"), (_CONTROL, "keyUp"), (_DELETE, "keyDown")]
        strokes += [(_DELETE, "keyUp"), *((each, kind) for each in text for kind in ("keyDown", "keyUp"))]
        keys = [{"type": kind, "value": key} for key, kind in strokes]
        self._tell("input.performActions", actions=[{"type": "key", "id": "keyboard", "actions": keys}])

    @_interruptible()
    def choose_file(self, selector: str, file: Path) -> None:
        [field] = self._find(selector)
        self._tell("input.setFiles", element={"sharedId": field["sharedId"]}, files=[str(file)])

    @_interruptible()
    def click(self, selector: str, number: int = 0, *, wait: bool) -> None:
        clicked = self._find(selector)[number]
        if wait:
            self._load(lambda: self._press(clicked))
        else:
            self._press(clicked)

    def close(self) -> None:
        self._tell("browsingContext.close")

    def _load(self, act: Callable[[], None], loads: int | None = None) -> None:
        """Do what leads to another page, and wait until it is there."""
        loads, failures = self.loads if loads is None else loads, self.failures
        act()
        if not self._connection.listen(_LOAD_WITHIN_S, lambda: (self.loads, self.failures) != (loads, failures)):
            raise TimeoutError(f"nothing was loaded, {self.navigating} under way")
        if self.failures != failures:
            raise InterruptedNavigationError("the navigation failed")

    def _press(self, node: dict[str, Any]) -> None:
        origin = {"type": "element", "element": {"sharedId": node["sharedId"]}}
        pointer: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._tell("input.performActions", actions=[{"type": "pointer", "id": "mouse", "actions": pointer}])

    def _find(self, selector: str, depth: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call(
            "browsingContext.locateNodes",
            context=self._context,
            locator={"type": "css", "value": selector},
            serializationOptions={"maxDomDepth": depth},
        )["nodes"]
        return found

    def _tell(self, method: str, **params: Any) -> None:
        self._call(method, context=self._context, **params)

    def _call(self, method: str, **params: Any) -> Any:
        return self._connection.call(method, **params)


class FirefoxBrowsing:
    """`Browsing` in a Firefox whose scripts are switched off."""

    def __init__(self, connection: BidiConnection) -> None:
        self.heard: Callable[[Heard], None] = heard_nothing
        self._connection = connection
        self._tabs: dict[str, FirefoxTab] = {}
        self._loading: dict[str, str] = {}
        connection.on_event = self._hear
        connection.call("session.subscribe", events=list(_EVENTS))

    def new_tab(self) -> FirefoxTab:
        context = self._connection.call("browsingContext.create", type="tab")["context"]
        self._tabs[context] = FirefoxTab(self._connection, context)
        return self._tabs[context]

    def wait(self, ms: float) -> None:
        self._connection.listen(ms / 1000)

    def loading(self) -> list[str]:
        return list(self._loading.values())

    def forget_loading(self) -> None:
        self._loading.clear()

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        tab = self._tabs.get(params.get("context") or "")
        if method.startswith("network."):
            self._hear_request(method, params, tab)
        elif tab is not None and method == "browsingContext.load":
            tab.loads += 1
        elif tab is not None:
            tab.failures += 1

    def _hear_request(self, method: str, params: dict[str, Any], tab: FirefoxTab | None) -> None:
        identifier = params["request"]["request"]
        if method == "network.beforeRequestSent":
            self._loading[identifier] = params["request"]["url"]
            if tab is not None and params["navigation"] is not None:
                tab.navigating.add(identifier)
            return
        self._loading.pop(identifier, None)
        if tab is not None:
            tab.navigating.discard(identifier)
        if method == "network.responseCompleted":
            self.heard(_heard(params))


def _heard(params: dict[str, Any]) -> Heard:
    request, response = params["request"], params["response"]
    headers = {each["name"].lower(): each["value"]["value"] for each in response["headers"]}
    spent, timings = headers.get(SPENT_HEADER), request["timings"]
    took = timings["responseStart"] - timings["requestTime"]
    return Heard(
        request["method"],
        response["url"],
        response["status"],
        headers.get("location", ""),
        took - float(spent) if spent is not None and timings["responseStart"] > 0 else None,
    )
