"""The log pane: the logs of a run, live or old, ten million lines like ten."""
