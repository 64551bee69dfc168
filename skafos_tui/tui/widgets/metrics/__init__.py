"""The metrics pane: charts of what a job's attempts use of the machine."""
