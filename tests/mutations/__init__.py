"""The code broken on purpose: whether the tests would notice."""
