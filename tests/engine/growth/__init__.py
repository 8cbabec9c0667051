"""Graphs that grow while they run, and what comes after everything else."""
