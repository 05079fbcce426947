"""The commands by which analysts teach: each verdict is kept at once and counts at once."""

import getpass
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.errors import HorizonError
from horizon.terminal import Config, Store, settings

if TYPE_CHECKING:
    from rich.panel import Panel
    from rich.text import Text

    from core.taxonomy import Label, Taxonomy
    from store.feedback import Candidate

_WIDTH = 100  # columns, at most: longer lines are hard to read
_ABSTRACT = 1500  # characters; more would push the title off the screen
_KEYS = ("yes", "no", "skip", "undo", "quit")  # by their first letters


def label(
    document: Annotated[str, typer.Argument(metavar="DOC", help="Id, DOI, arXiv id or URL.")],
    label_id: Annotated[str, typer.Argument(metavar="LABEL", help="Id of a label.")],
    verdict: Annotated[
        Literal["yes", "no"], typer.Argument(metavar="yes|no", help="Whether the label applies.")
    ],
    config: Config,
    store: Store = None,
    why: Annotated[str, typer.Option(help="A reason, for those who read it later.")] = "",
    who: Annotated[
        str | None, typer.Option(help="Who says so.", show_default="the login name")
    ] = None,
) -> None:
    """Say that a label applies to a document or not: horizon label 10.5555/12 biosecurity no."""
    from core.partners import load_partners
    from core.taxonomy import load_taxonomy
    from store import feedback
    from store.database import open_reader, open_writer

    known = _known_label(load_taxonomy(config), label_id)
    file = settings(config, store).store
    with open_reader(file) as con:  # a writer would make a store where there is none
        document_id, found = feedback.find(con, document)
    with open_writer(file, load_partners(config)) as con:
        feedback.add(con, document_id, label_id, verdict == "yes", who or _login(), why)
    typer.echo(f"{known.name}: {verdict} · {found.title}")


def review(
    label_id: Annotated[str, typer.Option("--label", metavar="LABEL", help="Id of a label.")],
    config: Config,
    store: Store = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
) -> None:
    """Judge the documents whose label is least certain, one keypress each; stop at any time."""
    from rich.console import Console

    from core.partners import load_partners
    from core.taxonomy import load_taxonomy
    from store import feedback
    from store.database import open_reader, open_writer

    known = _known_label(load_taxonomy(config), label_id)
    if not _is_terminal():
        raise HorizonError("'horizon review' asks on a terminal; in a script use 'horizon label'")
    file, partners, who = settings(config, store).store, load_partners(config), _login()
    with open_reader(file) as con:
        candidates = feedback.uncertain(con, label_id, limit)

    def keep(candidate: "Candidate", verdict: bool | None) -> None:
        # Open for a moment only, so that others can use the store while the analyst reads.
        with open_writer(file, partners) as con:
            feedback.add(con, candidate.document_id, label_id, verdict, who, "")

    console = Console(highlight=False)
    judged: set[int] = set()
    position = 0
    while position < len(candidates):
        candidate = candidates[position]
        console.print(_panel(known, candidate, f"{position + 1} of {len(candidates)}"))
        key = _ask(first=position == 0)
        console.print(f"  {key}", style="bold")
        if key == "quit":
            break
        if key == "undo":
            position -= 1
            if position in judged:
                keep(candidates[position], None)
                judged.remove(position)
            continue
        if key != "skip":
            keep(candidate, key == "yes")
            judged.add(position)
        position += 1
    if candidates:
        typer.echo(f"{len(judged)} judged; run it again to go on")
    else:
        typer.echo(f"nothing to review: no labelled document waits for a word on {known.name}")


def _known_label(taxonomy: "Taxonomy", label_id: str) -> "Label":
    if found := taxonomy.labels.get(label_id):
        return found
    raise typer.BadParameter(
        f"no label {label_id!r} in taxonomy.yaml; there are {', '.join(taxonomy.labels)}"
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # an account without a name, as in some containers
        raise HorizonError(
            "the system does not tell your name; set LOGNAME to it and try again"
        ) from error


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(*, first: bool) -> str:
    """Wait for one of ``_KEYS`` and return it; there is nothing to undo before the first."""
    keys = {name[0]: name for name in _KEYS if not (first and name == "undo")}
    while (key := typer.getchar().lower()) not in keys:
        pass
    return keys[key]


def _panel(label: "Label", candidate: "Candidate", progress: str) -> "Panel":
    """Return the document first and the question last, next to where the answer is typed."""
    from rich import box
    from rich.console import Console, Group
    from rich.panel import Panel
    from rich.rule import Rule
    from rich.text import Text

    from reports import words

    document, reasons = candidate.document, candidate.reasons
    abstract = document.abstract
    if len(abstract) > _ABSTRACT:
        abstract = f"{abstract[:_ABSTRACT].rstrip()}…"
    facts = (
        words.KINDS[document.kind],
        document.venue or document.source,
        words.day(document.published, document.precision),
        ", ".join(map(words.country, document.countries)),
    )
    chance = f"{words.chance(candidate.score)} ({candidate.score:.2f})"
    if reasons:
        chance += f" · matched {words.listing(f'“{reason}”' for reason in reasons)}"
    parts: list[Text | Rule] = [
        _marked(document.title, reasons, "bold"),
        Text(" · ".join(filter(None, facts)), "dim"),
        *([Text(document.url, "dim", overflow="fold")] if document.url else []),
        Text(),
        _marked(abstract, reasons) if abstract else Text("no abstract", "dim italic"),
        Text(),
        Rule(style="dim"),
        Text.assemble((label.name, "bold"), "? ", label.definition),
        Text(),
        Text(chance),
    ]
    return Panel(
        Group(*parts),
        box=box.ROUNDED,
        title=Text(label.name, "bold"),
        title_align="left",
        subtitle=Text.assemble(
            f" {progress}   ",
            *(part for name in _KEYS for part in ((name[0], "bold"), f" {name}  ")),
        ),
        subtitle_align="left",
        padding=(1, 2),
        width=min(_WIDTH, Console().width),
    )


def _marked(text: str, reasons: Sequence[str], style: str = "") -> "Text":
    """Return ``text`` with ``reasons`` marked where they stand as words.

    Only ASCII letters around them speak against it: in other scripts words may touch.
    """
    from rich.text import Text

    marked = Text(text, style)
    for reason in reasons:
        marked.highlight_regex(
            rf"(?i)(?<![a-z]){re.escape(reason)}(?![a-z])", style="black on yellow"
        )
    return marked
