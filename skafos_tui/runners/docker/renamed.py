"""Containers of ours that somebody has renamed: found by their label, and given their name back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skafos_tui.runners.base import LABEL_NAME
from skafos_tui.runners.docker.client import CONFLICT, NOT_FOUND, DockerClient, Refused


def name_of(entry: Mapping[str, Any]) -> str:
    """The attempt's name of an entry of Docker's list: the label's, also where the container has another one."""
    labels = entry.get("Labels") or {}
    names = entry.get("Names") or [""]
    return str(labels.get(LABEL_NAME) or names[0].lstrip("/"))


def bring_back(client: DockerClient, name: str) -> bool:
    """Rename the container whose attempt has this name back to it; whether there is one and that could be done.

    Its log, its events and its removal go by the name, and so do people who look for it.
    """
    found = client.call("list", lambda docker: docker.containers(all=True, filters={"label": [f"{LABEL_NAME}={name}"]}))
    if not found:
        return False
    try:
        client.call("rename", lambda docker: docker.rename(found[0]["Id"], name))
    except Refused as error:
        if error.status not in (CONFLICT, NOT_FOUND):
            raise
        return False
    return True
