"""What happens when something goes wrong: in a job, around it, or to the processes of the run (semantics §3)."""
