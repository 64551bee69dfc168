"""docker-py's connections over a Unix socket, with two of its habits corrected.

It keeps a pool of connections per URL (so per container: none is ever used again, and 25 lie open at the daemon), and
leaks the socket of a connection that was refused. Seen in docker 7.2, `docker/transport/unixconn.py`.
"""

from __future__ import annotations

from typing import Any

from docker import APIClient
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

from skafos_tui.runners.docker.client import Address

FIRST_VERSION = "1.41"
"""What the client speaks until the daemon has told its own version."""
_ONE_POOL = "http+docker://localhost"


class _Connection(UnixHTTPConnection):
    _address: Address

    def connect(self) -> None:
        timeout: Any = self.timeout
        self.sock = self._address.connect(timeout)


class _Pool(UnixHTTPConnectionPool):
    _address: Address

    def _new_conn(self) -> Any:
        timeout: Any = self.timeout
        connection = _Connection(self.base_url, self.socket_path, timeout)
        connection._address = self._address
        return connection


class _Adapter(UnixHTTPAdapter):
    def __init__(self, address: Address, timeout_s: Any, connections: int) -> None:
        super().__init__(f"http+unix://{address.path}", timeout_s, max_pool_size=connections)
        self._pool = _Pool(_ONE_POOL, address.path, timeout_s, maxsize=connections)
        self._pool._address = address
        self.pools[_ONE_POOL] = self._pool

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        return self._pool


def connect(address: Address, timeout_s: Any, connections: int) -> Any:
    """An APIClient for the daemon, not yet in contact with it; see `agree`. `timeout_s` None: no limit."""
    client: Any = APIClient(
        base_url=address.url,
        version=FIRST_VERSION,
        timeout=timeout_s,
        tls=address.tls_config(),
        max_pool_size=connections,
    )
    # Proxies and netrc are for the world outside; they also cost a look-up per request.
    client.trust_env = False
    if address.scheme == "unix":
        client._custom_adapter = _Adapter(address, timeout_s, connections)
        client.mount("http+docker://", client._custom_adapter)
    return client


def agree(client: Any) -> None:
    """Ask the daemon for its API's version and speak that from now on."""
    client._version = client._retrieve_server_version()
