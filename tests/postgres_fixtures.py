"""A real PostgreSQL for tests: found, made and started once a session on a Unix socket; one database a test.

Nothing is installed here: without the binaries of the server its tests skip and say so.
"""

import itertools
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

BINARIES = Path("/usr/lib/postgresql")
START_SECONDS = 60
_numbers = itertools.count(1)


def server_binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres`` of the newest version there is."""
    found = [path.parent for path in BINARIES.glob("*/bin/initdb") if (path.parent / "postgres").exists()]
    return max(found, key=lambda path: float(re.sub(r"[^\d.]", "", path.parent.name) or 0), default=None)


class Server:
    """A running server. ``folder`` holds its socket; anybody on this machine who may read the folder may connect."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        # The server refuses to run as root.
        self._account = "postgres" if os.getuid() == 0 else None
        if self._account:
            owner = pwd.getpwnam(self._account)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self._binaries, self._data, self.folder = binaries, folder / "data", folder
        self._user = self._account or pwd.getpwuid(os.getuid()).pw_name

    def start(self) -> None:
        self._call("initdb", "-D", self._data, "-A", "trust", "-U", self._user, "-E", "UTF8", "--locale=C", "-N")
        options = f"-k {self.folder} -c listen_addresses='' -c shared_buffers=16MB -c max_connections=60 -c fsync=off"
        log = self.folder / "log"
        self._call("pg_ctl", "-D", self._data, "-w", "-t", str(START_SECONDS), "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        return f"postgresql://{self._user}@/{database}?host={self.folder}"

    def say(self, *statements: str) -> None:
        """Statements outside a transaction, as the owner of everything."""
        engine = create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def _call(self, name: str, *words: str | Path) -> None:
        # Into a file: a server that inherits a pipe would keep its reader waiting.
        with (self.folder.parent / f"{self.folder.name}.said").open("w+b") as said:
            ran = subprocess.run(
                [self._binaries / name, *words], check=False, user=self._account, group=self._account,
                extra_groups=[] if self._account else None, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=said, stderr=said, timeout=2 * START_SECONDS,
            )  # fmt: skip
            said.seek(0)
            assert ran.returncode == 0, said.read().decode()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One for all tests of this session (a process of its own a worker of pytest-xdist)."""
    binaries = server_binaries()
    if binaries is None:
        pytest.skip(f"no PostgreSQL server under {BINARIES}: install the package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="fbp"))  # short: sockets live in it
    server = Server(binaries, folder)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)
        folder.with_name(f"{folder.name}.said").unlink(missing_ok=True)


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards together with whoever is still connected."""
    name = f"forebay_{next(_numbers)}"
    postgres_server.say(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.say(f"DROP DATABASE {name} WITH (FORCE)")
