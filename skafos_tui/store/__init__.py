"""What is remembered: the state database and the log files."""
