"""What the commands share: options, settings, printing. Whatever is heavy is imported inside."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.weeks import days_of

if TYPE_CHECKING:
    from core.settings import Settings

_MANY = 20  # lines of trouble that are still printed


def _default_config() -> Path:
    """Return ``config`` here if there is one, else the one beside the program."""
    here = Path("config")
    return here if here.is_dir() else Path(__file__).parent.parent / "config"


def _week(value: str) -> str:
    try:
        days_of(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return value


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} is no date; write it like 2026-11-15") from error


Config = Annotated[
    Path,
    typer.Option(
        envvar="HORIZON_CONFIG",
        default_factory=_default_config,
        show_default="./config",
        help="Folder of the configuration.",
    ),
]
Store = Annotated[
    Path | None, typer.Option(help="File of the store.", show_default="as in the settings")
]
Week = Annotated[
    str | None,
    typer.Option(
        parser=_week, metavar="2026-W46", help="ISO week.", show_default="the last one that is over"
    ),
]
Day = Annotated[date | None, typer.Option(parser=_day, metavar="DATE")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings(config: Path, store: Path | None) -> "Settings":
    """Return the settings of the folder ``config``; ``store`` goes first."""
    from core.settings import load_settings

    return load_settings(config, store)


def prepare_flows(settings: "Settings") -> None:
    """Give Prefect its home before a flow is imported."""
    from flows import configure_prefect

    configure_prefect(settings.store.parent / "prefect")


def report(result: dict[str, Any]) -> None:
    """Print what a run counted and where its files are, one a line; the files come last."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for name, value in result.items():
        lines = value if isinstance(value, list) else [value]
        for line in lines[:_MANY]:
            console.print(f"[dim]{name:>9}[/dim]  ", escape(str(line)), sep="")
        if len(lines) > _MANY:
            console.print(f"[dim]{name:>9}[/dim]  and {len(lines) - _MANY:,} more")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table that fits the terminal; in a pipe, lines of tab-separated values."""
    if not sys.stdout.isatty():
        typer.echo("\t".join(columns))
        for row in rows:
            typer.echo("\t".join(_cell(value) for value in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, header_style="bold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return " ".join(str(value).split())


def print_json(value: Any) -> None:
    """Print ``value`` as JSON; dates in ISO 8601."""

    def encode(other: Any) -> str:
        return other.isoformat() if isinstance(other, date | datetime) else str(other)

    typer.echo(json.dumps(value, default=encode, ensure_ascii=False, indent=2))
