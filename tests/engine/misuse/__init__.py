"""Bad input: each has a clear error at the earliest moment, nothing is lost, and everything else goes on."""
