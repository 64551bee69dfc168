"""Where attempts run: the protocol, and Docker."""
