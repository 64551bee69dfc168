"""One call to the engine's control socket: HTTP with JSON over a Unix socket; standard library only."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any

from skafos_tui.store.home import Home


class EngineUnreachable(Exception):
    """There is no engine, or it doesn't answer; the message is one line that says what to do."""


class EngineSilent(EngineUnreachable):
    """There is an engine, but it doesn't answer in time."""


class ApiError(Exception):
    """The engine refused; `message` is one line for people, `code` a stable word, `exit_code` that of SPEC 9.

    `details` holds what belongs to the code: `diagnostics` of an invalid config, for one.
    """

    def __init__(self, code: str, message: str, exit_code: int, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code
        self.details = details


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket; `timeout` in seconds for each wait."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect; raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def call(home: Home, method: str, path: str, body: Mapping[str, Any] | None, timeout_s: float) -> dict[str, Any]:
    """The engine's answer. Raises EngineUnreachable, EngineSilent and ApiError."""
    connection = UnixConnection(str(home.socket), timeout_s)
    before = _identity(home)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, path, payload, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read() or b"{}")
    except (TimeoutError, BlockingIOError):
        # The second: its queue of connections is full.
        if _identity(home) != before:
            raise EngineUnreachable("the engine ended while it was asked: try again") from None
        raise EngineSilent(silence(home, timeout_s)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise EngineUnreachable(f"the engine doesn't answer at {home.socket}: {error}") from None
    finally:
        connection.close()
    if response.status >= 400:
        raise refusal(answer)
    return answer


def _identity(home: Home) -> tuple[int, int] | None:
    """Which engine's socket it is: one that ends takes its socket away first."""
    try:
        status = home.socket.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def refusal(answer: Mapping[str, Any]) -> ApiError:
    """The error an answer tells of."""
    error = dict(answer.get("error") or {})
    return ApiError(
        str(error.pop("code", "error")),
        str(error.pop("message", "the engine refused without a reason")),
        int(error.pop("exit_code", 1)),
        error,
    )


def silence(home: Home, waited_s: float) -> str:
    """What to do about an engine that is there and says nothing."""
    try:
        pid = int(home.lock.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return f"the engine at {home.socket} doesn't answer within {waited_s:.0f} s"
    return (
        f"the engine (pid {pid}) doesn't answer within {waited_s:.0f} s: `kill -9 {pid}` ends it, jobs go on, and the"
        " next command starts it anew"
    )
