"""The dispatcher's core: stories, and random histories against a naive model."""
