"""Keys are made whole and private, and believed only as long as they are."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator

import pytest
import zmq
import zmq.auth

from ppg_protocol.keys import KeyDirectory, KeysError, make_owner_keys, make_user_keys, read_public

NOBODY = 65534


@pytest.fixture
def owner(tmp_path: pathlib.Path) -> KeyDirectory:
    return make_owner_keys(tmp_path / "owner")


@pytest.fixture
def colleague(owner: KeyDirectory, tmp_path: pathlib.Path) -> KeyDirectory:
    return make_user_keys(tmp_path / "colleague", "ann", owner.path / "coordinator.key")


def modes(directory: pathlib.Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in [directory, *directory.iterdir()]}


def test_an_owner_has_two_pairs_that_pyzmq_reads(owner: KeyDirectory) -> None:
    assert owner.coordinator is not None
    for stem, pair in (("user", owner.user), ("coordinator", owner.coordinator)):
        assert zmq.auth.load_certificate(owner.path / f"{stem}.key_secret") == (pair.public, pair.secret)
        assert zmq.auth.load_certificate(owner.path / f"{stem}.key") == (pair.public, None)
        assert zmq.curve_public(pair.secret) == pair.public
    assert owner.coordinator_public == owner.coordinator.public
    assert owner.authorized() == {owner.user.public: owner.user_name}


def test_everything_is_private_whatever_the_umask(tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        made = modes(make_owner_keys(tmp_path / "keys").path)
    finally:
        os.umask(before)
    assert made["keys"] == made["authorized"] == 0o700
    assert made["user.key_secret"] == made["coordinator.key_secret"] == 0o600


def test_a_colleague_is_admitted_and_revoked(owner: KeyDirectory, colleague: KeyDirectory) -> None:
    assert colleague.user_name == "ann"
    assert colleague.coordinator is None
    assert colleague.coordinator_public == owner.coordinator_public
    for _ in range(2):
        assert owner.authorize("ann", colleague.path / "user.key") == colleague.user.public
    assert owner.authorized() == {owner.user.public: owner.user_name, colleague.user.public: "ann"}
    assert KeyDirectory.load(owner.path).authorized() == owner.authorized()
    assert owner.revoke("ann") == colleague.user.public
    assert owner.authorized() == {owner.user.public: owner.user_name}


def test_misuse_of_the_list_is_refused(owner: KeyDirectory, colleague: KeyDirectory, tmp_path: pathlib.Path) -> None:
    owner.authorize("ann", colleague.path / "user.key")
    other = make_user_keys(tmp_path / "other", "ann", owner.path / "coordinator.key")
    before = owner.authorized()
    for wrong, words in (
        (lambda: owner.authorize("ann", other.path / "user.key"), "revoke ann first"),
        (lambda: owner.authorize("eve", colleague.path / "user.key"), "already, as ann"),
        (lambda: owner.authorize(owner.user_name, other.path / "user.key"), "already, with another key"),
        (lambda: owner.authorize("eve", other.path / "user.key_secret"), "holds a secret key"),
        (lambda: owner.authorize("../eve", other.path / "user.key"), "can't be a user's name"),
        (lambda: owner.authorize("eve", tmp_path / "missing.key"), "No such file"),
        (lambda: owner.revoke("eve"), "authorised: ann"),
        (lambda: owner.revoke(owner.user_name), "owns this coordinator"),
        (colleague.authorized, "not the key directory of a coordinator's owner"),
        (lambda: colleague.authorize("eve", other.path / "user.key"), "not the key directory"),
        (lambda: colleague.revoke("eve"), "not the key directory"),
    ):
        with pytest.raises(KeysError, match=words):
            wrong()
    assert owner.authorized() == before


def test_nothing_is_overwritten(owner: KeyDirectory, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (owner.path, tmp_path / "file"):
        with pytest.raises(KeysError, match="exists and is not an empty directory"):
            make_owner_keys(path)
    with pytest.raises(KeysError, match="can't make keys"):
        make_owner_keys(tmp_path / "missing" / "keys")
    assert KeyDirectory.load(owner.path) == owner
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "owner"]


def test_an_empty_directory_is_filled_and_a_link_will_do(tmp_path: pathlib.Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("keys")
    made = make_owner_keys(tmp_path / "link")
    assert KeyDirectory.load(tmp_path / "link") == made
    assert KeyDirectory.load(tmp_path / "keys").user == made.user


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o755, 0o777, 0o770])
def test_a_directory_open_to_others_is_refused(owner: KeyDirectory, mode: int) -> None:
    owner.path.chmod(mode)
    with pytest.raises(KeysError, match=f"mode {mode:04o}.*chmod 700"):
        KeyDirectory.load(owner.path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
@pytest.mark.parametrize("secret", ["user.key_secret", "coordinator.key_secret"])
def test_a_secret_open_to_others_is_refused(owner: KeyDirectory, secret: str, mode: int) -> None:
    (owner.path / secret).chmod(mode)
    with pytest.raises(KeysError, match=f"{secret} has mode {mode:04o}.*chmod 600"):
        KeyDirectory.load(owner.path)


def half(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def garbage(path: pathlib.Path) -> None:
    path.write_bytes(b"public-key\n\xff\x00")


def empty(path: pathlib.Path) -> None:
    path.write_bytes(b"")


def huge(path: pathlib.Path) -> None:
    os.truncate(path, 1 << 40)


def fifo(path: pathlib.Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def no_z85(path: pathlib.Path) -> None:
    path.write_text(f'public-key = "{"~" * 40}"\nsecret-key = "{"~" * 40}"\n')


def anothers(path: pathlib.Path) -> None:
    public, secret = zmq.curve_keypair()
    rest = f'secret-key = "{secret.decode()}"\n' if path.suffix == ".key_secret" else ""
    path.write_text(f'metadata\n  name = ann\npublic-key = "{public.decode()}"\n{rest}')


@pytest.mark.parametrize("damage", [pathlib.Path.unlink, half, garbage, empty, huge, fifo, no_z85, anothers])
@pytest.mark.parametrize("name", ["user.key", "user.key_secret", "coordinator.key", "coordinator.key_secret"])
def test_missing_and_damaged_files_are_refused_by_name(
    owner: KeyDirectory, name: str, damage: Callable[[pathlib.Path], object]
) -> None:
    damage(owner.path / name)
    if (name, damage) == ("coordinator.key_secret", pathlib.Path.unlink):
        assert KeyDirectory.load(owner.path).coordinator is None
        return
    with pytest.raises(KeysError, match=name.partition(".")[0]):
        KeyDirectory.load(owner.path)


@pytest.mark.parametrize("damage", [half, garbage, empty, fifo, no_z85])
def test_a_damaged_key_in_the_list_is_named(
    owner: KeyDirectory, colleague: KeyDirectory, damage: Callable[[pathlib.Path], object]
) -> None:
    owner.authorize("ann", colleague.path / "user.key")
    damage(owner.path / "authorized" / "ann.key")
    with pytest.raises(KeysError, match=r"ann\.key"):
        owner.authorized()


def test_halves_of_two_pairs_are_refused(owner: KeyDirectory) -> None:
    secret = owner.path / "user.key_secret"
    stranger = zmq.curve_keypair()[1].decode()
    secret.write_text(secret.read_text().replace(owner.user.secret.decode(), stranger))
    with pytest.raises(KeysError, match="do not belong together"):
        KeyDirectory.load(owner.path)


def test_a_name_is_needed(owner: KeyDirectory) -> None:
    secret = owner.path / "user.key_secret"
    secret.write_text(secret.read_text().replace("name =", "nom ="))
    with pytest.raises(KeysError, match="names no user"):
        KeyDirectory.load(owner.path)


def test_a_missing_directory_says_how_to_make_one(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KeysError, match=f"`ppg-coordinator keys {tmp_path}/keys` makes one"):
        KeyDirectory.load(tmp_path / "keys", serving=True)
    with pytest.raises(KeysError, match="your own keys, which the coordinator's owner has authorised") as raised:
        KeyDirectory.load(tmp_path / "keys")
    assert f"keys {tmp_path}/keys` makes" not in str(raised.value), "they would be those of another coordinator"
    (tmp_path / "keys").write_text("")
    with pytest.raises(KeysError, match="not a directory"):
        KeyDirectory.load(tmp_path / "keys")


def as_nobody(action: Callable[[], object]) -> str:
    """What the action says to an unprivileged user: the KeysError's text, or nothing."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            action()
        except KeysError as error:
            os.write(write_end, str(error).encode())
        except BaseException as error:
            os.write(write_end, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with open(read_end, encoding="utf-8") as pipe:
        return pipe.read()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def shared() -> Iterator[pathlib.Path]:
    """A directory that everybody reaches."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


@needs_root
def test_keys_of_somebody_else_are_refused(shared: pathlib.Path) -> None:
    owner = make_owner_keys(shared / "owner")
    assert "belongs to uid 0, not to you (uid 65534)" in as_nobody(lambda: KeyDirectory.load(owner.path))
    os.chown(owner.path, NOBODY, NOBODY)
    assert "user.key_secret belongs to uid 0" in as_nobody(lambda: KeyDirectory.load(owner.path))
    for path in owner.path.iterdir():
        os.chown(path, NOBODY, NOBODY)
    assert as_nobody(lambda: KeyDirectory.load(owner.path)) == ""
    with pytest.raises(KeysError, match="belongs to uid 65534, not to you"):
        KeyDirectory.load(owner.path)


@needs_root
def test_a_directory_that_can_not_be_reached_is_an_error_in_words(shared: pathlib.Path) -> None:
    owner = make_owner_keys(shared / "owner")
    closed = shared / "closed"
    closed.mkdir(mode=0o700)
    shutil.move(owner.path, closed / "owner")
    assert "Permission denied" in as_nobody(lambda: KeyDirectory.load(closed / "owner"))
    assert "Permission denied" in as_nobody(lambda: read_public(closed / "owner" / "user.key"))
    assert "Permission denied" in as_nobody(lambda: make_owner_keys(closed / "mine"))
    assert "Permission denied" in as_nobody(lambda: make_owner_keys(shared / "mine"))
