"""Opening the store: one writer, any number of readers, forward migrations."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from core.errors import HorizonError
from core.partners import Partners

Connection = duckdb.DuckDBPyConnection

# Nothing is fetched from DuckDB's extension server: the office may have no internet.
_CONFIG = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


class StoreError(HorizonError):
    """The store cannot be used; the message says what to do."""


class StoreBusyError(StoreError):
    """Another process holds the store."""


@contextmanager
def open_writer(path: Path, partners: Partners) -> Iterator[Connection]:
    """Open the store at ``path`` for writing, made or migrated where needed.

    Within one process further writers share the first one's lock; another process is refused.

    Raises:
        StoreBusyError: another process has it open.
        StoreError: it is damaged, no store, newer than this program, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent}: {error.strerror}; choose another --store") from error
    with _connect(path, read_only=False) as con, _explained(path):
        _migrate(con, path)
        with transaction(con):
            con.execute("DELETE FROM base.partners")
            rows = [(p.country, p.name, False) for p in partners.partners]
            con.executemany(
                "INSERT INTO base.partners VALUES (?, ?, ?)", [*rows, (partners.home, "", True)]
            )
        yield con


@contextmanager
def open_reader(path: Path, *, sandboxed: bool = False) -> Iterator[Connection]:
    """Open the store at ``path`` for reading; ``sandboxed`` also shuts out files and settings.

    Raises:
        StoreBusyError: a writer has it open.
        StoreError: there is none, or it cannot be read.
    """
    if not path.exists():
        raise StoreError(f"there is no store at {path}; make one with 'horizon weekly'")
    with _connect(path, read_only=True) as con, _explained(path):
        version = _version(con, path)
        if version < len(_migrations()):
            raise StoreError(
                f"{path} was written by an older Horizon; 'horizon harvest' brings it up to date"
            )
        if sandboxed:
            con.execute("SET enable_external_access = false; SET lock_configuration = true")
        yield con


@contextmanager
def transaction(con: Connection) -> Iterator[None]:
    """Keep everything done within, or nothing."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into ours, with its own first words."""
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"{path}: {str(error).splitlines()[0]}") from error


def _connect(path: Path, *, read_only: bool) -> Connection:
    try:
        return duckdb.connect(path, read_only=read_only, config=dict(_CONFIG))
    except duckdb.Error as error:
        text = str(error)
        if "lock" in text:
            holder = re.search(r"PID (\d+)", text)
            who = f"process {holder[1]}" if holder else "another process"
            raise StoreBusyError(
                f"{path} is in use by {who}; wait until it has finished and try again"
            ) from error
        if "newer version" in text or "version number" in text:
            raise StoreError(f"{path} was written by another DuckDB; update Horizon") from error
        if isinstance(error, duckdb.IOException) and "ermission denied" in text:
            raise StoreError(f"{path}: permission denied; choose another --store") from error
        raise StoreError(
            f"{path} is not a store or is damaged; restore a backup or choose another --store "
            f"(DuckDB says: {text.splitlines()[0]})"
        ) from error


def _migrations() -> list[str]:
    folder = files("store") / "migrations"
    scripts = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def _version(con: Connection, path: Path) -> int:
    """Return the store's schema version; 0 for an empty file."""
    tables = {
        f"{schema}.{name}"
        for schema, name in con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
    }
    if not tables:
        return 0
    if "base.version" not in tables:
        raise StoreError(f"{path} is a DuckDB file but no Horizon store; choose another --store")
    (version,) = con.execute("SELECT version FROM base.version").fetchall()[0]
    if version > len(_migrations()):
        raise StoreError(
            f"{path} was written by a newer Horizon (schema {version}, this one knows "
            f"{len(_migrations())}); update Horizon"
        )
    return int(version)


def _migrate(con: Connection, path: Path) -> None:
    """Bring the schema forward, all steps in one transaction."""
    have, scripts = _version(con, path), _migrations()
    if have == len(scripts):
        return
    with transaction(con):
        if have == 0:
            con.execute("CREATE SCHEMA IF NOT EXISTS base")
            con.execute("CREATE TABLE base.version AS SELECT 0 AS version")
        for script in scripts[have:]:
            con.execute(script)
        con.execute((files("store") / "views.sql").read_text(encoding="utf-8"))
        con.execute("UPDATE base.version SET version = ?", [len(scripts)])
