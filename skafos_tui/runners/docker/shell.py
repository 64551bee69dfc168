"""A shell in a container on this terminal: a program of its own, for the Docker CLI may be missing."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import selectors
import signal
import socket
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from skafos_tui.runners.base import RunnerError, RunnerUnreachable
from skafos_tui.runners.docker import doors
from skafos_tui.runners.docker.client import DockerClient, Refused, one_line
from skafos_tui.runners.shells import FIND_SHELL, tell

MARK = "SKAFOS_SHELL"
"""Tells the processes of one shell from all others in the container."""
END_MARKED = """for at in /proc/[0-9]*; do
  grep -q "SKAFOS_SHELL=$1" "$at/environ" 2>/dev/null && kill -HUP "${at#/proc/}" 2>/dev/null
done; true"""
RESIZE_TRIES = 50
RESIZE_PAUSE_S = 0.02
ENDING = (signal.SIGTERM, signal.SIGHUP)
UNREACHABLE = 3
NOT_FOUND_CODES = (126, 127)
SIGNALLED = 128
"""Exit codes above it are those of processes that a signal has ended."""
END_TRIES = 10
END_PAUSE_S = 0.05
CHUNK = 65_536


def hijack(client: DockerClient, path: str, body: object) -> tuple[socket.socket, bytes]:
    """A connection that is the stream of what Docker was asked for, and what came along with the answer.

    docker-py's drops what arrives together with the headers: the prompt, now and then. Raises RunnerError.
    """
    content = json.dumps(body).encode()
    head = (
        f"POST /v{client.api_version()}{path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    try:
        stream = client.address.connect(None)
        stream.sendall(head.encode() + content)
        received = b""
        while b"\r\n\r\n" not in received and (data := stream.recv(CHUNK)):
            received += data
    except OSError as error:
        raise RunnerUnreachable(f"Docker does not answer at {client.address.url}: {error}") from error
    headers, _, rest = received.partition(b"\r\n\r\n")
    status = int((headers.split() or [b"", b"0"])[1] or 0) if headers.startswith(b"HTTP/") else 0
    if status not in (101, 200):
        stream.close()
        raise Refused(status, one_line(rest.decode("utf-8", "replace")) or "Docker gave no answer")
    return stream, rest


class Shell:
    """A shell in a container that runs, with the terminal as its own."""

    def __init__(self, client: DockerClient, container: str, prompt: str) -> None:
        self._client = client
        self._container = container
        self._mark = secrets.token_hex(8)
        columns, rows = terminal_size()
        # Docker can be told the size only once the shell is there: the first thing typed may find another one.
        command = f"stty rows {rows} cols {columns} 2>/dev/null; {FIND_SHELL}"
        variables = {"PS1": prompt, "TERM": os.environ.get("TERM") or "xterm", MARK: self._mark}
        self._id = client.call(
            "exec_create",
            lambda docker: docker.exec_create(
                container, ["sh", "-c", command], stdin=True, tty=True, environment=variables
            ),
        )["Id"]

    def run(self) -> int:
        """Until it ends; its exit code."""
        stream, early = hijack(self._client, f"/exec/{self._id}/start", {"Detach": False, "Tty": True})
        with stream, signals_as_bytes() as woken, raw_terminal(sys.stdin.fileno()):
            self._resize()
            said = self._pass_on(stream, early, woken)
        return self._exit_code(said)

    def _pass_on(self, stream: socket.socket, early: bytes, woken: socket.socket) -> bytes:
        """Carry bytes to and fro until either end has no more; the beginning of what the shell wrote."""
        said = early
        _write(early)
        keys = sys.stdin.fileno()
        with selectors.DefaultSelector() as selector:
            for source in (keys, stream, woken):
                selector.register(source, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is woken:
                        if any(number in ENDING for number in woken.recv(64)):
                            self._hang_up()
                            return said
                        self._resize()
                    elif key.fileobj is stream:
                        data = _received(stream)
                        if not data:
                            return said
                        said = (said + data)[:CHUNK] if len(said) < CHUNK else said
                        _write(data)
                    else:
                        typed = _typed(keys)
                        if not typed:
                            self._hang_up()
                            return said
                        try:
                            stream.sendall(typed)
                        except OSError:
                            return said

    def _resize(self) -> None:
        """Tell the shell the terminal's size; just after its start Docker may not know it yet."""
        columns, rows = terminal_size()
        for _ in range(RESIZE_TRIES):
            try:
                self._client.call(
                    "exec_resize", lambda docker: docker.exec_resize(self._id, height=rows, width=columns)
                )
                return
            except Refused:
                time.sleep(RESIZE_PAUSE_S)

    def _hang_up(self) -> None:
        """The terminal has gone: Docker would leave the shell there until the container ends."""
        words = ["sh", "-c", END_MARKED, "sh", self._mark]
        try:
            ending = self._client.call("exec_create", lambda docker: docker.exec_create(self._container, words))
            self._client.call("exec_start", lambda docker: docker.exec_start(ending["Id"]))
        except RunnerError:
            return  # the container has ended, and the shell with it

    def _exit_code(self, said: bytes) -> int:
        try:
            code = self._client.call("exec_inspect", lambda docker: docker.exec_inspect(self._id)).get("ExitCode")
            ended = self._has_ended(patient=(code or 0) > SIGNALLED)
        except Refused:
            code, ended = None, True
        if ended:
            tell("the container has ended, and the shell with it")
            return 0
        if code in NOT_FOUND_CODES and b"exec failed" in said:
            tell("this image has no shell")
            return 1
        return int(code or 0)

    def _has_ended(self, *, patient: bool) -> bool:
        """Whether the container has ended; the end of a shell that was killed along reaches Docker somewhat earlier."""
        for _ in range(END_TRIES if patient else 1):
            state = self._client.call("inspect", lambda docker: docker.inspect_container(self._container))["State"]
            if not state["Running"]:
                return True
            time.sleep(END_PAUSE_S if patient else 0)
        return False


def terminal_size() -> tuple[int, int]:
    """Columns and rows of the terminal itself; COLUMNS in the environment may be of another one."""
    try:
        return os.get_terminal_size(sys.stdin.fileno())
    except OSError:
        return 80, 24


def _received(stream: socket.socket) -> bytes:
    """What came, with all that TLS has already taken off the line; nothing at the end."""
    try:
        data = stream.recv(CHUNK)
        pending = getattr(stream, "pending", None)
        while data and pending is not None and pending():
            data += stream.recv(CHUNK)
    except OSError:
        return b""
    return data


def _typed(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, CHUNK)
    except OSError:
        return b""


def _write(data: bytes) -> None:
    """To the terminal, all of it; one that has gone takes nothing."""
    try:
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
    except OSError:
        return


@contextmanager
def signals_as_bytes() -> Iterator[socket.socket]:
    """The numbers of signals that would end us, or say that the terminal has another size, as bytes to read."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    for number in (*ENDING, signal.SIGWINCH):
        signal.signal(number, lambda *_: None)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        reader.close()
        writer.close()


@contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """The terminal hands every key on; afterwards it is as it was."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        try:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        except termios.error:
            pass  # it has gone


@contextmanager
def started(client: DockerClient, name: str) -> Iterator[None]:
    """The container of a debug shell runs as long as this connection to its input, however we end."""
    try:
        lifeline, _ = hijack(client, f"/containers/{name}/attach?stream=1&stdin=1", {})
        with lifeline:
            client.call("start", lambda docker: docker.start(name))
            yield
    finally:
        doors.end_debug(client, name)


def main(words: Sequence[str] | None = None) -> int:
    """The program; its exit code is the shell's, or 3 where Docker doesn't answer."""
    parser = argparse.ArgumentParser(prog=doors.PROGRAM)
    parser.add_argument("container")
    parser.add_argument("--prompt", default="$PWD$ ")
    parser.add_argument("--debug", action="store_true", help="start it, and remove it at the end")
    asked = parser.parse_args(words)
    client: DockerClient | None = None
    try:
        client = DockerClient()
        if not asked.debug:
            return Shell(client, asked.container, asked.prompt).run()
        with started(client, asked.container):
            return Shell(client, asked.container, asked.prompt).run()
    except RunnerUnreachable as error:
        tell(str(error))
        return UNREACHABLE
    except RunnerError as error:
        tell(str(error))
        return 1
    finally:
        if client is not None:
            client.close()


if __name__ == "__main__":
    sys.exit(main())
