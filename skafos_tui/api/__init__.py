"""The doors of the engine, and the client of its control socket."""
