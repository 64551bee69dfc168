"""What is drawn as text: tables, durations, job output made safe; standard library only."""
