"""The one place that talks to Docker: where the daemon is, calls with failpoints, errors in one line."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from skafos_tui.runners.base import RunnerError, RunnerUnreachable
from skafos_tui.store.failpoints import failpoint

if TYPE_CHECKING:
    from docker import APIClient
    from docker.tls import TLSConfig

T = TypeVar("T")

CALL_TIMEOUT_S = 120
"""Docker's slowest ordinary answer seen is a create while images are pulled; commits of large layers have no limit."""
CALL_THREADS = 8
NOT_FOUND = 404
CONFLICT = 409
NOT_MODIFIED = 304


class Refused(RunnerError):
    """Docker answered, with an error: `status` is its HTTP status, the message its own words in one line."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """Where a daemon listens: `unix` with a path, `tcp` with host and port; `tls_directory` has its certificates."""

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    tls_directory: Path | None = None
    tls_verify: bool = False

    @property
    def url(self) -> str:
        """The address as `DOCKER_HOST` writes it."""
        return f"unix://{self.path}" if self.scheme == "unix" else f"tcp://{self.host}:{self.port}"

    def connect(self, timeout_s: float | None) -> socket.socket:
        """A fresh connection, TLS included; raises OSError."""
        if self.scheme == "unix":
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                plain.settimeout(timeout_s)
                plain.connect(self.path)
            except OSError:
                plain.close()
                raise
            return plain
        plain = socket.create_connection((self.host, self.port), timeout_s)
        # A peer that vanished without a word must end the read some day.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        context = self._tls_context()
        return plain if context is None else context.wrap_socket(plain, server_hostname=self.host)

    def _tls_context(self) -> ssl.SSLContext | None:
        if self.tls_directory is None:
            return None
        context = ssl.create_default_context(cafile=str(self.tls_directory / "ca.pem"))
        context.load_cert_chain(str(self.tls_directory / "cert.pem"), str(self.tls_directory / "key.pem"))
        if not self.tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def tls_config(self) -> TLSConfig | bool:
        """The same for docker-py; False without TLS."""
        if self.tls_directory is None:
            return False
        from docker.tls import TLSConfig

        directory = self.tls_directory
        return TLSConfig(
            client_cert=(str(directory / "cert.pem"), str(directory / "key.pem")),
            ca_cert=str(directory / "ca.pem"),
            verify=self.tls_verify,
        )


def usual_sockets(environment: Mapping[str, str], home: Path) -> tuple[str, ...]:
    """Where Docker listens when nobody says otherwise, the system's own daemon first, then rootless ones."""
    runtime = environment.get("XDG_RUNTIME_DIR")
    return (
        "/var/run/docker.sock",
        *((f"{runtime}/docker.sock",) if runtime else ()),
        str(home / ".docker/run/docker.sock"),
    )


def find_address(environment: Mapping[str, str] | None = None, home: Path | None = None) -> Address:
    """The daemon to use: `DOCKER_HOST`, else the first usual socket that may be used; never a Docker context.

    A context may point to another machine (docker-py's `from_env` follows it since 7.2), and there the mounts of
    this one don't exist. Raises RunnerUnreachable for an address that can't be used.
    """
    environment = os.environ if environment is None else environment
    host = environment.get("DOCKER_HOST", "")
    if host:
        return parse_address(host, environment)
    candidates = usual_sockets(environment, home or Path.home())
    usable = [path for path in candidates if os.access(path, os.R_OK | os.W_OK)]
    present = [path for path in candidates if Path(path).exists()]
    return Address("unix", path=(usable or present or list(candidates))[0])


def parse_address(url: str, environment: Mapping[str, str]) -> Address:
    """`unix:///path` or `tcp://host:port`, with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` as Docker reads them."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Address("unix", path=url.removeprefix("unix://"))
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        raise RunnerUnreachable(
            f"DOCKER_HOST={url} can't be used: jobs mount directories of this machine, so it takes unix:// or tcp://"
        )
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    directory = environment.get("DOCKER_CERT_PATH") or (str(Path.home() / ".docker") if verify else None)
    port = parts.port or (2376 if directory else 2375)
    return Address(
        "tcp",
        host=parts.hostname,
        port=port,
        tls_directory=Path(directory) if directory else None,
        tls_verify=verify,
    )


def why_unreachable(address: Address, error: BaseException | None = None) -> str:
    """One line that says why Docker doesn't answer and what helps; tries the socket, as libraries wrap the reason."""
    where = f"Docker does not answer at {address.url}"
    try:
        address.connect(5.0).close()
    except FileNotFoundError:
        return f"{where}: nothing listens there (not installed or not started? `skafos doctor` says how)"
    except PermissionError:
        return f"{where}: permission denied (add yourself to the group: sudo usermod -aG docker $USER, log in again)"
    except ConnectionRefusedError:
        return f"{where}: connection refused (start it: sudo systemctl start docker)"
    except OSError as reason:
        return f"{where}: {one_line(str(reason))}"
    return f"{where}: {one_line(str(error))}" if error is not None else where


def one_line(text: str) -> str:
    """`text` on one line, single-spaced."""
    return " ".join(text.split())


class DockerClient:
    """Connections to one daemon: one client for calls on a bounded pool of threads, one for long reads.

    The daemon's `ID` is pinned at the first contact: if another daemon answers later at the same address, it is as
    unreachable as none, since nothing of ours is there and everything would seem lost.
    """

    def __init__(self, address: Address | None = None) -> None:
        self.address = address or find_address()
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        """Held while connecting, which may take long; `_lock` never is, as the event loop takes it."""
        self._calls: APIClient | None = None
        self._streams: APIClient | None = None
        self._identity_lock = threading.Lock()
        self._daemon_id: str | None = None
        self._foreign = False
        self._closed = False

    @property
    def daemon_id(self) -> str | None:
        """The pinned daemon's `ID`; None before the first contact."""
        return self._daemon_id

    def api_version(self) -> str:
        """The version of Docker's API that was agreed on, such as `1.41`."""
        return self._guarded("connect", lambda docker: str(docker.api_version), long=False)

    def call(self, step: str, function: Callable[[Any], T]) -> T:
        """One call, on this thread, between the failpoints `docker.<step>.before` and `.after`.

        `function` gets docker-py's APIClient; Any, as its type stubs leave out half of the methods. Raises
        RunnerUnreachable, or Refused with Docker's own words.
        """
        return self._guarded(step, function, long=False)

    def long_call(self, step: str, function: Callable[[Any], T]) -> T:
        """Like `call`, without a time limit: pulls, commits, imports."""
        return self._guarded(step, function, long=True)

    async def run(self, work: Callable[[], T]) -> T:
        """`work` on the pool of this client, never on the loop's default executor (6 threads, joined at exit)."""
        with self._lock:
            if self._closed:
                raise RunnerUnreachable("the connection to Docker is closed")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(CALL_THREADS, thread_name_prefix="docker-call")
            pool = self._pool
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def close(self) -> None:
        """End the pool and all connections."""
        with self._lock:
            self._closed = True
            clients = [client for client in (self._calls, self._streams) if client is not None]
            self._calls = self._streams = None
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        for client in clients:
            client.close()

    def _guarded(self, step: str, function: Callable[[Any], T], *, long: bool, pinned: bool = True) -> T:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        if pinned:
            self._refuse_foreign()
        failpoint(f"docker.{step}.before")
        try:
            result = function(self._client(long=long))
        except APIError as error:
            raise Refused(error.status_code or 500, one_line(error.explanation or str(error))) from error
        except (RequestException, HTTPError, DockerException, OSError) as error:
            raise RunnerUnreachable(why_unreachable(self.address, error)) from error
        failpoint(f"docker.{step}.after")
        return result

    def _client(self, *, long: bool) -> APIClient:
        with self._connecting:
            client = self._streams if long else self._calls
            if client is None:
                client = self._connect(None if long else CALL_TIMEOUT_S)
                with self._lock:
                    if self._closed:
                        client.close()
                        raise RunnerUnreachable("the connection to Docker is closed")
                    if long:
                        self._streams = client
                    else:
                        self._calls = client
        return client

    def _connect(self, timeout_s: int | None) -> APIClient:
        from skafos_tui.runners.docker import transport

        client: APIClient = transport.connect(self.address, timeout_s, CALL_THREADS)
        try:
            transport.agree(client)
            self._pin(client.info()["ID"])
        except BaseException:
            client.close()
            raise
        return client

    def _pin(self, daemon_id: str) -> None:
        with self._identity_lock:
            if self._daemon_id is None:
                self._daemon_id = daemon_id
            self._foreign = daemon_id != self._daemon_id
        self._refuse_foreign()

    def _refuse_foreign(self) -> None:
        if self._foreign:
            raise RunnerUnreachable(
                f"another Docker daemon answers at {self.address.url} than before; restart the engine to use it"
            )

    def check_identity(self) -> None:
        """See that the daemon is still the one pinned; to be called whenever a connection was lost.

        Raises RunnerUnreachable if it is another one, and then every call does until this finds ours again.
        """
        daemon_id = self._guarded("info", lambda docker: docker.info()["ID"], long=False, pinned=False)
        self._pin(daemon_id)
