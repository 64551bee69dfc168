"""What decides and acts: the one background process per user."""
