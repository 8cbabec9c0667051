"""The wire between the processes of pypipegraph: messages, codec, sessions. See protocol/README.md."""

PROTOCOL_MAJOR = 1
PROTOCOL_MINOR = 0
