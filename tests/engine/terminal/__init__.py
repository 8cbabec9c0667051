"""What a user sees and does while a run goes on: progress, Ctrl-C, dry runs, one pipegraph after another."""
