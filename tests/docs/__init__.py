"""The documentation: its scripts are run, its lists are complete."""
