"""Asking from a second terminal: status, why and history, while a run goes on and afterwards."""
