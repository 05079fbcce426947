"""The command line: ``horizon COMMAND``; each command calls one function below.

Exit code 0: done; 1: a failure that was reported; 2: wrong usage. Errors are one sentence on
stderr. Whatever is heavy is imported inside the command that needs it.
"""

import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from core.errors import HorizonError
from core.weeks import last_complete_week
from horizon import classifying, evaluating, learning, training
from horizon.terminal import (
    Config,
    Day,
    Json,
    Store,
    Week,
    prepare_flows,
    print_json,
    print_table,
    report,
    settings,
)

app = typer.Typer(
    help="Technology foresight: harvest, label, find and read what the world researches.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
sources_app = typer.Typer(help="The catalogue of sources.", no_args_is_help=True)
app.add_typer(sources_app, name="sources")


@app.command()
def weekly(config: Config, store: Store = None, week: Week = None) -> None:
    """Run the week: harvest, label, write the digest and put it into the outbox, once."""
    office = settings(config, store)
    prepare_flows(office)
    from flows.weekly import weekly as flow

    report(flow(week=week, config=str(config), store=str(office.store)))


@app.command()
def demo(
    store: Annotated[
        Path | None,
        typer.Option(help="File of the store.", show_default="in a temporary folder"),
    ] = None,
) -> None:
    """Run the week against bundled, written sample sources; needs no internet."""
    from horizon.demo.run import run

    report(run(store))


@app.command()
def harvest(
    config: Config,
    store: Store = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Id of a source; may be repeated.")
    ] = None,
    since: Day = None,
    until: Day = None,
    week: Week = None,
) -> None:
    """Read the sources into the store; label and mail nothing."""
    office = settings(config, store)
    prepare_flows(office)
    from flows.harvest import harvest as flow

    try:
        counts = flow(
            week=week or last_complete_week(date.today()),
            config=str(config),
            store=str(office.store),
            source_ids=source or [],
            since=since,
            until=until,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    report(counts)
    if counts["sources"] and counts["failing"] == counts["sources"]:
        raise HorizonError("no source could be read; 'horizon sql \"from source_health\"' says why")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON Lines, CSV or Parquet; see docs/store.md.")],
    config: Config,
    store: Store = None,
    week: Week = None,
    label: Annotated[
        bool, typer.Option(help="Label what was imported; else the next run does.")
    ] = True,
) -> None:
    """Read the records of a file into the store, merge duplicates and label what is new."""
    office = settings(config, store)
    prepare_flows(office)
    from flows.importing import import_file

    report(import_file(str(file), str(config), str(office.store), week=week, label=label))


@app.command()
def digest(
    config: Config,
    store: Store = None,
    week: Week = None,
    send: Annotated[bool, typer.Option("--send", help="Also mail it, once to each.")] = False,
    subscriber: Annotated[
        list[str] | None, typer.Option(help="Id of a subscriber; may be repeated.")
    ] = None,
) -> None:
    """Write the digest of a week from the store; with --send also into the outbox."""
    office = settings(config, store)
    prepare_flows(office)
    from flows.digest import digest as flow

    try:
        written = flow(
            week=week or last_complete_week(date.today()),
            config=str(config),
            store=str(office.store),
            send=send,
            subscriber_ids=subscriber or [],
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    report(written)


@app.command()
def search(
    words: str,
    config: Config,
    store: Store = None,
    label: Annotated[str | None, typer.Option(help="Only documents with this label.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Find the documents in which all the words occur: horizon search "drone detection"."""
    from store.database import open_reader
    from store.search import search as find

    with open_reader(settings(config, store).store) as con:
        try:
            hits = find(con, words, label=label, limit=limit)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    if as_json:
        print_json([asdict(hit) for hit in hits])
    elif hits:
        print_table(
            ["published", "countries", "title", "labels", "source"],
            [
                (h.published, " ".join(h.countries), h.title, ", ".join(h.labels), h.source)
                for h in hits
            ],
        )
    else:
        typer.echo(f"nothing found for {words!r}", err=True)


@app.command()
def sql(query: str, config: Config, store: Store = None, as_json: Json = False) -> None:
    """Ask the store: horizon sql "select kind, count(*) from documents group by all"."""
    from store.database import open_reader

    with open_reader(settings(config, store).store, sandboxed=True) as con:
        result = con.execute(query)
        columns = [name for name, *_ in result.description or ()]
        rows = result.fetchall()
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


@sources_app.command("list")
def sources_list(
    config: Config,
    store: Store = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    partner: Annotated[str | None, typer.Option(help="Only of this partner, by country.")] = None,
    yields: Annotated[str | None, typer.Option(help="Only what yields this.")] = None,
    status: Annotated[str | None, typer.Option(help="Only those that fared so.")] = None,
    as_json: Json = False,
) -> None:
    """List the sources and, where there is a store, how each fared when last asked."""
    from core.sources import load_sources
    from store.database import open_reader
    from store.runs import latest_status

    file = settings(config, store).store
    fared: dict[str, str] = {}
    if file.exists():
        with open_reader(file) as con:
            fared = latest_status(con)
    chosen = [
        source
        for source in load_sources(config)
        if kind in (None, source.kind)
        and partner in (None, source.partner)
        and yields in (None, source.yields)
        and status in (None, fared.get(source.id))
    ]
    if as_json:
        print_json([s.model_dump(mode="json") | {"status": fared.get(s.id)} for s in chosen])
        return
    print_table(
        ["id", "kind", "partner", "yields", "name", "rhythm", "status"],
        [
            (
                *(s.id, s.kind, s.partner or s.forum or "", s.yields or "", s.name),
                f"{s.rhythm_days} d",
                fared.get(s.id) or ("" if s.enabled else "off"),
            )
            for s in chosen
        ],
    )


@sources_app.command("check")
def sources_check(
    config: Config,
    source: Annotated[str | None, typer.Argument(help="Id; none: all that are enabled.")] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Ask sources now, keep nothing: what they answer, may we ask, what a harvest would add."""
    from core.sources import load_sources
    from flows.checking import check

    known = {s.id: s for s in load_sources(config)}
    if source and source not in known:
        raise typer.BadParameter(f"no source {source} in sources.yaml; see 'horizon sources list'")
    chosen = [known[source]] if source else [s for s in known.values() if s.enabled]
    results = list(check(settings(config, store), chosen, date.today()))
    if as_json:
        print_json([asdict(found) for found in results])
    else:
        print_table(
            ["id", "state", "HTTP", "robots.txt", "items", "would add", "newest", "says"],
            [
                (
                    *(found.source, found.state, found.http_status, found.robots, found.items),
                    *(found.would_add, found.newest, found.message or found.sample),
                )
                for found in results
            ],
        )
    if not any(found.items for found in results):
        raise HorizonError("no source gave anything; the last column says why")


@sources_app.command("add")
def sources_add(
    url: str,
    config: Config,
    store: Store = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="The address lies inside the office.")
    ] = False,
) -> None:
    """Look at an address and propose the lines for sources.yaml."""
    import yaml

    from scanners import Http
    from scanners.discover import discover

    with Http(settings(config, store).http) as http:
        proposals = discover(url, http, allow_private=allow_private)
    if not proposals:
        raise HorizonError(f"{url} leads to no feed, sitemap, calendar or OAI-PMH interface")
    for found in proposals:
        newest = f"newest {found.newest}" if found.newest else "undated"
        robots = "allows it" if found.robots else "forbids it"
        said = found.problem or f"{found.items} items, {newest}; robots.txt {robots}"
        typer.echo(f"  # {said}")
        lines = yaml.safe_dump([found.source], allow_unicode=True, sort_keys=False).splitlines()
        typer.echo("\n".join(f"  {line}" for line in lines) + "\n")


app.command()(classifying.classify)
app.command()(evaluating.evaluate)
app.command()(learning.label)
app.command()(learning.review)
app.command()(training.train)


def main() -> None:
    """Run the command line; an error meant for the user becomes a sentence and exit code 1."""
    try:
        app()
    except HorizonError as error:
        typer.echo(f"horizon: {error}", err=True)
        sys.exit(1)
