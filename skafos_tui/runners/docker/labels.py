"""Names that mark what is ours among a daemon's images and containers."""

from __future__ import annotations

from skafos_tui import __version__

BASE_REPOSITORY = "skafos/base"
BASE_TAG = f"{BASE_REPOSITORY}:{__version__}"
DEPENDENCIES_REPOSITORY = "skafos/deps"
CODE_REPOSITORY = "skafos/code"
PUBLIC_BASE = "python:3.12-slim"

LABEL_IMAGE = "skafos.image"
"""On every image of ours: `base`, `deps` or `code`."""
LABEL_BUILD = "skafos.build"
"""On a container that builds a layer: the layer's tag. Such a container has nothing worth keeping."""
LABEL_BUILDER = "skafos.builder"
"""On the same container: who builds, `<pid>:<start time>` and machine, so that what a dead one left can be removed."""
