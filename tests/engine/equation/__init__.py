"""When a job runs: the one equation of semantics §2, seen from outside, and the reason that the log gives."""
