"""Key files in pyzmq's certificate format: read with suspicion, written whole.

A secret is believed only as a regular file of mode 0600 that belongs to us, whose two halves belong together.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils import z85

from ppg_protocol.curve import KeyPair
from ppg_protocol.errors import PyPipeGraphError

FILE_BYTES = 16 * 1024
_NAME_LINE = re.compile(r"^\s+name\s*=\s*(\S+)\s*$", re.MULTILINE)


class KeysError(PyPipeGraphError):
    """A key directory or file is missing, damaged or open to others. The message says what to do."""


def read_public(path: Path) -> bytes:
    """The public key (Z85) in this file. A file with a secret in it is refused: it must not travel."""
    public, secret = _load(path)
    if secret is not None:
        raise KeysError(f"{path} holds a secret key, which nobody else may see: use the .key file beside it")
    return public


def read_pair(path: Path) -> KeyPair:
    """Both keys of a .key_secret file, which must be ours alone."""
    _check_private(path)
    public, secret = _load(path)
    if secret is None:
        raise KeysError(f"{path} has no secret key in it: restore it, or make new keys in another directory")
    _check_key(path, secret)
    if zmq.curve_public(secret) != public:
        raise KeysError(f"the two keys in {path} do not belong together: restore it, or make new keys elsewhere")
    return KeyPair(public, secret)


def read_name(path: Path) -> str | None:
    """The name that the metadata of a .key_secret file give its owner."""
    found = _NAME_LINE.search(path.read_text("utf-8", "replace"))
    return found[1] if found else None


def make_pair(directory: Path, stem: str, name: str | None = None) -> None:
    """Write STEM.key and STEM.key_secret into a directory that is ours alone."""
    metadata = None if name is None else {"name": name}
    public, secret = zmq.auth.create_certificates(directory, stem, metadata)
    os.chmod(public, 0o644)
    os.chmod(secret, 0o600)


def write_public(path: Path, public: bytes) -> None:
    """As a whole or not at all, whatever happens meanwhile."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="ascii") as file:
            file.write(f'# ZeroMQ CURVE public certificate\n\nmetadata\ncurve\n    public-key = "{public.decode()}"\n')
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _load(path: Path) -> tuple[bytes, bytes | None]:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > FILE_BYTES:
            raise KeysError(f"{path} is no key file: it is not a regular file of at most {FILE_BYTES} bytes")
        public, secret = zmq.auth.load_certificate(path)
    except OSError as error:
        raise KeysError(f"can't read the key file {path}: {error.strerror or error}") from None
    except (ValueError, IndexError):
        raise KeysError(f"{path} is no key file, or a damaged one: it has no public-key line") from None
    _check_key(path, public)
    return public, secret


def _check_key(path: Path, key: bytes) -> None:
    try:
        if len(key) == 40 and len(z85.decode(key)) == 32:
            return
    except (ValueError, KeyError, OverflowError):
        pass
    raise KeysError(
        f"a key in {path} is damaged: it has not 40 characters of Z85; restore the file, or ask for it again"
    )


def _check_private(path: Path) -> None:
    try:
        about = path.stat()
    except OSError as error:
        raise KeysError(
            f"can't read the secret key {path}: {error.strerror}; restore it, or make new keys elsewhere with "
            "`ppg-coordinator keys`"
        ) from None
    if about.st_uid != os.geteuid():
        raise KeysError(f"{path} belongs to uid {about.st_uid}, not to you (uid {os.geteuid()}): use keys of your own")
    if stat.S_IMODE(about.st_mode) != 0o600:
        raise KeysError(
            f"{path} has mode {stat.S_IMODE(about.st_mode):04o}, a secret key must have 0600: if nobody else can have "
            f"read it, run `chmod 600 {path}`, else make new keys"
        )
