"""The engine end to end: the public API, real processes, real files. One package per theme, one file per noun."""
