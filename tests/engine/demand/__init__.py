"""Jobs that run only if somebody needs them: temporary, cached and loading ones."""
