"""Crashes: any process killed at any moment, power cuts, full disks, interrupts; and what the next run makes of it."""
