"""The log of every attempt: a plain file and its index; written, read, merged, followed, searched."""
