"""The whole cluster in one process: real cores and links, a virtual clock, a seeded network, and faults. See `run`."""
