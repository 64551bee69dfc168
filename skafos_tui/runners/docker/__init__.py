"""Attempts as Docker containers; the only place that imports docker."""
