"""The limits of the wire: a sender enforces them with LocalProtocolError, a receiver with RemoteProtocolError.

Rules
- Whatever one message may hold fits into one envelope: the batch limits below never make a legal message unsendable.
- A limit is there to bound the memory and the time that a broken or hostile peer can take, not to ration honest use:
  each is far beyond what an honest run is expected to need. Senders whose data may exceed one (tails, tracebacks,
  pickled exceptions, lists of outputs) cut or refuse it before it becomes a message.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

INT_MIN = -(1 << 63)
INT_MAX = (1 << 63) - 1
UNSIGNED_MAX = (1 << 64) - 1
"""Inodes only: some network file systems use all 64 bits."""

STRING_CHARS = 256 * KIB
"""Of one string, in code points. Paths end at 4 KiB; tracebacks of deep recursion are the longest honest strings."""

FIELD_BYTES = 1 * MIB
"""Of one bytes field inside the body: tails of stdout and stderr, pickled exceptions, digests."""

LIST_ITEMS = 1 << 20
"""Of one list: a generating job may define a million jobs at once."""

BODY_BYTES = 8 * MIB
"""Of frame 0. Room for one message with every field at its limit plus 50,000 file stats. Decoded it takes up to some
thirty times its size (a one-item array of two bytes becomes a tuple of 56): this is what bounds a decoder's memory."""

BLOB_BYTES = 256 * MIB
"""Of one blob, and of all blobs of one envelope. A larger pickle is sent in chunks, a larger graph change refused."""

FRAME_BYTES = max(BODY_BYTES, BLOB_BYTES)
"""ZMQ_MAXMSGSIZE, which zmq applies frame by frame and answers by dropping the connection."""

ENVELOPE_BLOBS = 64

ENVELOPE_MESSAGES = 1024
"""Some 5 ms of decoding, so that one envelope never makes a link look silent."""

ENVELOPE_BYTES = 1 * MIB
"""Where a sender begins the next envelope. Only an envelope of a single message is larger."""

OUTBOX_MESSAGES = 1 << 16
OUTBOX_BYTES = 512 * MIB
"""Kept by a sender until acknowledged. More than one message at its largest; whoever has more to say waits for acks."""

ACK_MESSAGES = 64
ACK_BYTES = 1 * MIB
"""What a receiver takes in before it acknowledges on its own; else acknowledgements ride on what travels anyway."""

FIRST_RETRY_S = 0.01
"""Before the first repetition of an unanswered hello; doubles up to the heartbeat interval."""

FRUITLESS_RESYNCS = 16
"""Renewed hellos in a row, none of which closed the gap: the peer's numbering is broken, not the transport."""

PEERS = 1 << 14
"""Sessions of one server: more machines than any cluster we know offers to one user."""

DRAIN_ENVELOPES = 256
"""Taken by one `receive`, so that a flood can't keep the caller from its deadlines; a poller reports the rest again."""

IPC_PATH_BYTES = 107
"""sun_path of a Unix socket without its final NUL, see unix(7)."""

assert BODY_BYTES > 3 * FIELD_BYTES + 2 * 4 * STRING_CHARS + 4 * KIB
assert OUTBOX_BYTES > BLOB_BYTES + BODY_BYTES
assert BLOB_BYTES > ENVELOPE_BYTES < BODY_BYTES
