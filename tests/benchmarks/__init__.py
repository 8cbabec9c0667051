"""That the benchmarks work, not how fast anything is."""
