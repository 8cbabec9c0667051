"""The directory with a user's keys, and with the keys that the owner of a coordinator admits.

    coordinator.key             public key of the coordinator
    coordinator.key_secret      in the owner's directory only
    user.key, user.key_secret   the user's own; the secret file's metadata say the user's name
    authorized/NAME.key         in the owner's directory: whom the coordinator admits beside the owner

Rules
- The directory has mode 0700 and belongs to the effective user, or nothing in it is believed. A link to it will do.
- Directories are made aside and renamed into place, files too: there is no half of one.
- Nothing here is ever overwritten.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ppg_protocol.certificates import KeysError, make_pair, read_name, read_pair, read_public, write_public
from ppg_protocol.curve import KeyPair

__all__ = ["KeyDirectory", "KeyPair", "KeysError", "make_owner_keys", "make_user_keys", "read_public"]

_OWN_KEYS = (
    "your own keys, which the coordinator's owner has authorised, are wanted, the same that your scripts use; "
    "`ppg-coordinator keys DIR --user NAME --coordinator-key FILE` makes such a directory"
)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyDirectory:
    """What was read by `load`; only `authorized` looks again."""

    path: Path
    user: KeyPair
    user_name: str
    coordinator_public: bytes
    coordinator: KeyPair | None

    @classmethod
    def load(cls, path: str | os.PathLike[str], serving: bool = False) -> KeyDirectory:
        """Raises KeysError when anything is missing, damaged, or open to others. `serving`: for the coordinator itself,
        whose owner may well make new keys; those of anybody else must be of a coordinator that is there."""
        directory = Path(path)
        _check_directory(directory, f"`ppg-coordinator keys {path}` makes one" if serving else _OWN_KEYS)
        user = _pair(directory, "user")
        coordinator_public = read_public(directory / "coordinator.key")
        owns = os.path.lexists(directory / "coordinator.key_secret")
        name = read_name(directory / "user.key_secret")
        if name is None or not _NAME.fullmatch(name):
            raise KeysError(f"{directory}/user.key_secret names no user: restore it, or make new keys elsewhere")
        coordinator = _pair(directory, "coordinator") if owns else None
        return cls(directory, user, name, coordinator_public, coordinator)

    def authorized(self) -> dict[bytes, str]:
        """The name of each public key that the coordinator admits, as the directory says now. Raises KeysError."""
        self._check_owner()
        names = {self.user.public: self.user_name}
        for file in self._authorized_files():
            public = read_public(file)
            if public in names:
                raise KeysError(f"{file} is the key of {names[public]}, too: revoke one of the two")
            names[public] = file.stem
        return names

    def authorize(self, name: str, key_file: str | os.PathLike[str]) -> bytes:
        """Admit the key in this file under a name; returns it. Raises KeysError."""
        return self.authorize_key(name, read_public(Path(key_file)))

    def authorize_key(self, name: str, public: bytes) -> bytes:
        """As `authorize`, for a key that was read elsewhere with `read_public`. Again is no error."""
        _check_name(name)
        names = self.authorized()
        if names.get(public) == name:
            return public
        if public in names:
            raise KeysError(f"this key is authorised already, as {names[public]}")
        if name in names.values():
            raise KeysError(f"{name} is authorised already, with another key: revoke {name} first")
        (self.path / "authorized").mkdir(mode=0o700, exist_ok=True)
        write_public(self.path / "authorized" / f"{name}.key", public)
        return public

    def revoke(self, name: str) -> bytes:
        """Admit this user no more; returns the key, whose connections are to be ended. Raises KeysError."""
        self._check_owner()
        if name == self.user_name:
            raise KeysError(f"{name} owns this coordinator, and can't be revoked: end the coordinator instead")
        files = {file.stem: file for file in self._authorized_files()}
        if name not in files:
            known = ", ".join(sorted(files)) or "nobody"
            raise KeysError(f"{name} is not authorised, so can't be revoked; authorised: {known}")
        public = read_public(files[name])
        files[name].unlink()
        return public

    def _authorized_files(self) -> list[Path]:
        return sorted(file for file in (self.path / "authorized").glob("*.key") if not file.name.startswith("."))

    def _check_owner(self) -> None:
        if self.coordinator is None:
            raise KeysError(f"{self.path} is not the key directory of a coordinator's owner: it has no secret of one")


def make_owner_keys(path: str | os.PathLike[str]) -> KeyDirectory:
    """New keys for a coordinator and for the effective user, its owner. The directory must be new or empty."""
    return _make(path, _fill_owner)


def make_user_keys(
    path: str | os.PathLike[str], name: str, coordinator_key_file: str | os.PathLike[str]
) -> KeyDirectory:
    """New keys for a user of the coordinator with this public key. The directory must be new or empty."""
    _check_name(name)
    public = read_public(Path(coordinator_key_file))

    def fill(directory: Path) -> None:
        write_public(directory / "coordinator.key", public)
        make_pair(directory, "user", name)

    return _make(path, fill)


def _fill_owner(directory: Path) -> None:
    make_pair(directory, "coordinator")
    make_pair(directory, "user", _login_name())
    (directory / "authorized").mkdir(mode=0o700)


def _login_name() -> str:
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = ""
    return name if _NAME.fullmatch(name) else f"uid{os.geteuid()}"


def _make(path: str | os.PathLike[str], fill: Callable[[Path], None]) -> KeyDirectory:
    directory = Path(os.path.realpath(path))
    draft = None
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise KeysError(f"{directory} exists and is not an empty directory: keys are made in a new one")
        draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        fill(draft)
        draft.rename(directory)
    except OSError as error:
        raise KeysError(f"can't make keys in {directory}: {error.strerror}; nothing is left of them") from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return KeyDirectory.load(path)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise KeysError(f"{name!r:.80} can't be a user's name: write 1 to 64 letters, digits and _ . @ -")


def _check_directory(path: Path, way_out: str) -> None:
    try:
        about = path.stat()
    except OSError as error:
        raise KeysError(f"can't use the key directory {path}: {error.strerror}; {way_out}") from None
    mode = stat.S_IMODE(about.st_mode)
    if not stat.S_ISDIR(about.st_mode):
        raise KeysError(f"{path} is not a directory; {way_out}")
    if about.st_uid != os.geteuid():
        raise KeysError(f"{path} belongs to uid {about.st_uid}, not to you (uid {os.geteuid()}): use keys of your own")
    if mode != 0o700:
        raise KeysError(
            f"the key directory {path} has mode {mode:04o}, it must have 0700: if nobody else can have read the "
            f"secrets in it, run `chmod 700 {path}`, else make new keys"
        )


def _pair(directory: Path, stem: str) -> KeyPair:
    """The pair in STEM.key_secret, when STEM.key beside it says the same."""
    pair = read_pair(directory / f"{stem}.key_secret")
    if read_public(directory / f"{stem}.key") != pair.public:
        raise KeysError(f"{directory}/{stem}.key and {stem}.key_secret do not belong together: restore them")
    return pair
