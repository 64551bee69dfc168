"""The screen: what the store and the engine say, for people at a terminal; nothing else imports textual."""
