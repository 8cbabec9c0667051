"""The compute slave: supervisor, data process, job process. See ARCHITECTURE.md."""
