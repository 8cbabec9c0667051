"""The master's side of a cluster: see `core` for what it decides, `machines` for how that is carried out."""
