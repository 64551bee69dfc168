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
LABEL_PACKAGES = "skafos.packages"
"""On an image with requirements: its `pip freeze`."""
LABEL_BUILDER = "skafos.builder"
"""On a container that builds a layer: who builds it, so that what a dead process left can be removed."""
BUILD_PREFIX = "skafos-build-"
"""Begins the name of every such container."""
