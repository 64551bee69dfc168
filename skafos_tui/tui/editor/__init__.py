"""The config editor's parts: its text, its findings, its drafts, and what keeps it true to the file on disk."""
