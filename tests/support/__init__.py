"""What several suites share: real processes on free ports, and waiting for conditions with a deadline."""
