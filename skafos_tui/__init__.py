"""Skafos TUI: machine-learning pipelines in one terminal."""

__version__ = "0.1.0"
