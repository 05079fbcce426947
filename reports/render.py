"""The digest as a page for mail clients and phones, and as plain text."""

import unicodedata
from dataclasses import dataclass
from math import ceil

import css_inline
import jinja2
from rich.console import Console
from rich.text import Text

from core.document import web_url
from reports import summary, words
from reports.digest import Digest

_WIDTH = 78  # columns of the plain text


@dataclass(frozen=True, slots=True)
class Pair:
    """Text colour and background."""

    text: str
    back: str


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one mode. Every text keeps a contrast of 4.5 with its background."""

    page: str
    card: str
    tint: str  # background of the summary and of table heads
    ink: str
    muted: str
    rule: str
    link: str
    alarm: Pair
    hues: tuple[Pair, ...]  # one per label told in sections, in turn
    plain: Pair  # the other labels
    heat: tuple[str, ...]  # backgrounds of counts in a table, from few to many


LIGHT = Palette(
    page="#efede8",
    card="#ffffff",
    tint="#f6f4ef",
    ink="#1c2530",
    muted="#59636f",
    rule="#e2ded5",
    link="#17406f",
    alarm=Pair("#7a2e0b", "#fdf0e3"),
    hues=(
        Pair("#1b4b82", "#e4eefa"),
        Pair("#6a2c70", "#f4e7f5"),
        Pair("#0f5c66", "#def1f3"),
        Pair("#8a3b12", "#fbe9df"),
        Pair("#27613f", "#e3f2e8"),
        Pair("#6b5200", "#f7efd2"),
    ),
    plain=Pair("#46505c", "#eceff2"),
    heat=(
        "#e6eef8",
        "#c6daf0",
        "#9cc0e6",
        "#74a8db",
    ),
)
DARK = Palette(
    page="#0e1319",
    card="#171e27",
    tint="#1d2631",
    ink="#e6e9ed",
    muted="#a5afbb",
    rule="#303b48",
    link="#a3c9f7",
    alarm=Pair("#f5c39f", "#3a2416"),
    hues=(
        Pair("#a9cdf7", "#1d3350"),
        Pair("#e3b5e8", "#402444"),
        Pair("#98dbe4", "#143a40"),
        Pair("#f3bd9d", "#452616"),
        Pair("#a3dcb9", "#1b3a2a"),
        Pair("#e8d184", "#3b3213"),
    ),
    plain=Pair("#c3ccd6", "#2a333e"),
    heat=(
        "#1f2d3d",
        "#25405b",
        "#2d557e",
        "#386a9f",
    ),
)


def to_html(digest: Digest) -> str:
    """Return ``digest`` as one self-contained HTML page, its styles in its elements."""
    hues: dict[str, str] = {}
    for chapter in digest.chapters:
        if chapter.table is None:
            for section in chapter.sections:
                hues[section.label.id] = f"h{len(hues) % len(LIGHT.hues)}"
    page = _TEMPLATES.get_template("digest.html.j2").render(
        digest=digest, hues=hues, light=LIGHT, dark=DARK
    )
    return str(_INLINER.inline(page))


def to_text(digest: Digest) -> str:
    """Return ``digest`` as plain text, no line wider than 78 columns but for addresses."""
    return _TEMPLATES.get_template("digest.txt.j2").render(digest=digest)


def _bar(probability: float) -> str:
    """Return ``probability`` as a bar of five squares, which needs neither styles nor images."""
    full = round(5 * probability)
    return "■" * full + "□" * (5 - full)


def _is_rtl(text: str) -> bool:
    """Return whether any letter of ``text`` is written from right to left."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def _heat(count: int, largest: int) -> int:
    """Return the shade of ``count``, from 0 (few) to 3 (near ``largest``)."""
    return ceil(len(LIGHT.heat) * count / largest) - 1


def _wrap(text: str, indent: int = 0) -> str:
    """Break ``text`` into lines, counting a Chinese, Japanese or Korean character as two columns.

    The first line is not indented: what stands before it in the template is.
    """
    width = _WIDTH - indent
    lines = Text(text).wrap(Console(width=width), width)
    return f"\n{' ' * indent}".join(line.plain.rstrip() for line in lines)


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("reports"),
    autoescape=jinja2.select_autoescape(["html.j2"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters.update(
    wrap=_wrap, web_url=web_url, listing=words.listing, number=words.number, heat=_heat, bar=_bar
)
_TEMPLATES.tests["rtl"] = _is_rtl
_TEMPLATES.globals.update(days=words.days, account=summary.account, method=summary.METHOD)
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)
