"""Old deployments lose their files and images: the rule, and the work (SPEC 3: the image is only a cache)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from skafos_tui.engine.books import Books
from skafos_tui.engine.deployments import Deployments, is_wanted
from skafos_tui.engine.ledger import runner_of
from skafos_tui.model.run import Deployment, DeploymentState
from skafos_tui.store import projects
from skafos_tui.store.projects import KEPT_DEPLOYMENTS

T = TypeVar("T")
PAUSE_S = 5.0
"""Between two looks at most: edits come in storms."""


class Host(Books, Protocol):
    """What giving up needs of the engine."""

    deployments: Deployments


@dataclass(frozen=True, slots=True)
class Leftover:
    """The images, by their reference, that only given-up deployments of a project name: those with these ids."""

    runner: str
    images: frozenset[str]
    deployments: tuple[int, ...]


class GivingUp:
    """The work, done once after each `look`; what a killed engine left is found at its start."""

    def __init__(self, books: Host) -> None:
        self._books = books
        self._wake = asyncio.Event()
        self._wake.set()

    def look(self) -> None:
        """A deployment has become active, or a run has ended."""
        self._wake.set()

    async def run(self) -> None:
        """Give up what is old, whenever there may be something, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._books.read(old_deployments):
                await self._books.commit("give_up", mark_old, ())
            await self._books.read(self._drop_archives)
            for leftover in await self._books.read(leftovers):
                await self._drop_images(leftover)
            await asyncio.sleep(PAUSE_S)

    def _drop_archives(self, connection: sqlite3.Connection) -> None:
        """Remove the archives that no deployment needs: of those given up, and those that came to nothing."""
        home, deployments = self._books.home, self._books.deployments
        for row in projects.list_projects(connection):
            kept = {
                each.code_digest for each in projects.list_deployments(connection, row.token) if not each.collected_at
            }
            for path in sorted(home.code(row.token, "any").parent.glob("*.tar.gz")):
                if path.name.removesuffix(".tar.gz") not in kept:
                    deployments.drop_archive(path)

    async def _drop_images(self, leftover: Leftover) -> None:
        """Remove the images, and remember that they are gone: the next engine has not to ask for each again."""
        link = self._books.link(leftover.runner)
        for reference in sorted(leftover.images):
            await link.insist(partial(link.runner.drop_image, reference))
        await self._books.commit("forget_images", lambda c: projects.forget_images(c, leftover.deployments), ())


def old_deployments(connection: sqlite3.Connection) -> list[int]:
    """The ids of the deployments that the rule of `KEPT_DEPLOYMENTS` gives up now."""
    found: list[int] = []
    for row in projects.list_projects(connection):
        rest = [each for each in projects.list_deployments(connection, row.token) if each.collected_at is None]
        ready = [each.id for each in rest if each.state is DeploymentState.READY]
        if len(ready) <= KEPT_DEPLOYMENTS:
            continue
        oldest_kept = ready[KEPT_DEPLOYMENTS - 1]
        for each in rest:
            spent = each.id < oldest_kept and each.state is not DeploymentState.BUILDING
            if spent and each.id != row.active and not is_wanted(connection, each.id):
                found.append(each.id)
    return found


def mark_old(connection: sqlite3.Connection) -> None:
    """Record that the old ones can't run any more."""
    projects.give_up_deployments(connection, old_deployments(connection), time.time())


def leftovers(connection: sqlite3.Connection) -> list[Leftover]:
    """The images that only given-up deployments have used."""
    found = []
    for row in projects.list_projects(connection):
        every = projects.list_deployments(connection, row.token)
        gone = [each for each in every if each.collected_at is not None and each.images]
        if gone:
            kept = [each for each in every if each.collected_at is None]
            runner, named = runner_of(connection, row.token), tuple(each.id for each in gone)
            found.append(Leftover(runner, _images(gone) - _images(kept), named))
    return found


def _images(deployments: Collection[Deployment]) -> frozenset[str]:
    return frozenset(image for each in deployments for image in each.images.values())
