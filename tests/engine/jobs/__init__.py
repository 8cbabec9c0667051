"""Jobs that make files: what each type promises."""
