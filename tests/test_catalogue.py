"""The catalogue of sources is complete, well-formed and told truly by docs/sources.md."""

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import yaml
from conftest import ROOT

from core.partners import load_partners
from core.sources import Source, load_sources
from core.taxonomy import load_taxonomy
from scanners.html_listing import Listing

CONFIG = ROOT / "config"
SOURCES = load_sources(CONFIG)
ENABLED = [source for source in SOURCES if source.enabled]
PARTNERS = load_partners(CONFIG)
DOCS = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")

# Two bodies of the state that publish for themselves: interior, public safety, defence, cyber.
STATE_BODIES = {
    "AU": ("au-acsc-alerts", "au-dta"),
    "CA": ("canada-public-safety", "ca-cccs"),
    "FR": ("fr-anssi", "fr-armees"),
    "DE": ("de-bmi", "de-bsi"),
    "NL": ("nl-ncsc", "nl-justitie-veiligheid"),
    "NZ": ("nz-police", "nz-ncsc"),
    "KR": ("kr-mois-news", "kr-krcert"),
    "SG": ("sg-mha", "sg-csa"),
    "ES": ("es-incibe", "es-defensa"),
    "SE": ("se-cert", "se-mcf"),
    "GB": ("govuk-home-office", "gb-ncsc"),
    "EU": ("eu-home-affairs", "enisa"),
}
FEWER_STATE_BODIES = {
    "IL": "every ministry is on www.gov.il, which answers programs with 403",
    "MX": "all ministries but one are on www.gob.mx, which answers programs with a challenge page",
}
FORUMS_WITHOUT_SOURCE = {
    "five_rd": "no site, feed or calendar was seen",
    "ifafri": "no feed or calendar was seen",
}
WITHOUT_CONFERENCES = {"EU": "the Union is no place that Crossref's events name"}
PLAIN_HTTP = {
    "www.wikicfp.com": "https was not seen in use",
    "www.rsis.edu.sg": "as seen in public code",
    "www.ssn.unam.mx": "TLS fails",
}
OPENALEX_DAY = 10_000  # credits of a free key; docs/sources.md
OPENALEX_SEARCH = 10  # credits a page

COLUMNS: dict[str, Callable[[Source], bool]] = {
    "publications": lambda s: s.kind in {"arxiv", "oai_pmh", "openalex"} or s.yields == "preprint",
    "conferences": lambda s: s.kind in {"crossref", "wikicfp", "ics"},
    "projects": lambda s: s.yields == "project",
    "bodies": lambda s: s.kind in {"html_listing", "rss", "sitemap"} and s.yields != "preprint",
}


def of(partner: str | None, column: str) -> list[Source]:
    return [s for s in ENABLED if s.partner == partner and COLUMNS[column](s)]


def table() -> str:
    """The table of docs/sources.md, as the catalogue is now."""
    rows = [("partner", *COLUMNS), ("---", *("--:" for _ in COLUMNS))]
    for code, name in {**PARTNERS.names, None: "worldwide"}.items():
        rows.append((name, *(str(len(of(code, column))) for column in COLUMNS)))
    rows.append(("together", *(str(sum(map(COLUMNS[c], ENABLED))) for c in COLUMNS)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def test_the_docs_tell_the_catalogue_as_it_is() -> None:
    assert table() in DOCS, f"docs/sources.md should hold:\n{table()}"
    spent = OPENALEX_SEARCH * sum(s.budget or 0 for s in ENABLED if s.kind == "openalex")
    assert f"{spent:,} credits" in DOCS
    assert f"{len(SOURCES)} sources" in DOCS
    assert f"{len(ENABLED)} are on" in DOCS


def test_there_are_enough_and_each_is_in_one_column() -> None:
    assert len(ENABLED) >= 90
    for source in ENABLED:
        assert sum(column(source) for column in COLUMNS.values()) == 1, source.id


@pytest.mark.parametrize("partner", PARTNERS.names)
def test_every_partner_has_publications_and_two_bodies(partner: str) -> None:
    assert of(partner, "publications")
    hosts = {urlsplit(source.url).hostname for source in of(partner, "bodies")}
    assert len(hosts) >= 2
    assert all(s.country == partner for s in of(partner, "bodies"))


@pytest.mark.parametrize("partner", PARTNERS.names)
def test_every_partner_has_two_bodies_of_the_state(partner: str) -> None:
    if partner in FEWER_STATE_BODIES:
        assert partner not in STATE_BODIES
        assert PARTNERS.names[partner] in DOCS.partition("## What is missing")[2]
        return
    assert set(STATE_BODIES[partner]) <= {source.id for source in of(partner, "bodies")}


@pytest.mark.parametrize("partner", PARTNERS.names)
def test_every_partner_has_conferences(partner: str) -> None:
    assert bool(of(partner, "conferences")) != (partner in WITHOUT_CONFERENCES)


def test_every_5rd_topic_and_agreement_area_has_proceedings() -> None:
    ids = {source.id for source in ENABLED if source.kind == "crossref"}
    schemes = {scheme.id: scheme for scheme in load_taxonomy(CONFIG).schemes}
    for scheme in ("five_rd", "agreement_areas"):
        for label in schemes[scheme].labels:
            assert "crossref-" + label.id.replace("_", "-") in ids


def test_forums_have_what_exists() -> None:
    stood_for = {source.forum for source in ENABLED} - {None}
    known = {forum.id: forum.name for forum in PARTNERS.forums}
    assert stood_for == known.keys() - FORUMS_WITHOUT_SOURCE.keys()
    missing = DOCS.partition("## What is missing")[2]
    assert all(known[forum] in missing for forum in FORUMS_WITHOUT_SOURCE)
    assert {"wikicfp", "ics"} <= {source.kind for source in ENABLED}


def test_openalex_asks_for_each_country_once_and_for_many_that_are_no_partners() -> None:
    asked = Counter(
        code.upper()
        for source in ENABLED
        if source.kind == "openalex" and not source.language
        for codes in re.findall(r"country_code:([a-z|]+)", source.params["filter"])
        for code in codes.split("|")
    )
    assert set(asked.values()) == {1}
    assert PARTNERS.names.keys() - {"EU"} <= asked.keys()
    assert PARTNERS.home not in asked
    others = asked.keys() - PARTNERS.names.keys()
    assert len(others) >= 50
    assert f"{len(others)} countries that are no partners" in " ".join(DOCS.split())
    assert {"JP", "IT", "CH", "IN", "CN"} <= asked.keys()


def test_a_week_of_openalex_fits_into_a_day_of_a_free_key() -> None:
    budgets = [source.budget for source in ENABLED if source.kind == "openalex"]
    assert all(budgets)
    assert OPENALEX_SEARCH * sum(filter(None, budgets)) <= OPENALEX_DAY


def test_crossref_ends_by_items_and_not_by_requests() -> None:
    """A cursor of Crossref's dies within minutes: a window cut short would never be finished."""
    for source in SOURCES:
        if source.kind == "crossref":
            assert source.max_items
            assert source.budget is None
            asks = [name for name in source.params if name.startswith("query.")]
            assert not asks or source.params.get("match"), source.id


def test_repositories_are_read_by_set_or_up_to_a_limit() -> None:
    for source in SOURCES:
        if source.kind == "oai_pmh":
            assert source.params.get("set") or source.max_items, source.id


def test_arxiv_is_asked_every_three_seconds_at_most() -> None:
    for source in SOURCES:
        if "arxiv.org" in source.url:
            assert source.rate
            assert source.rate <= 20


def test_every_source_says_where_it_was_seen_and_on_what_terms() -> None:
    written = yaml.safe_load((CONFIG / "sources.yaml").read_text(encoding="utf-8"))["sources"]
    for source in written:
        for key in ("name", "seen_at", "terms", "verified"):
            assert key in source, f"{source['id']}: {key}"
        assert source["seen_at"]
    for source in SOURCES:
        assert source.yields or source.kind in {"arxiv", "oai_pmh", "openalex"}, source.id
        assert source.partner in {None, *PARTNERS.names}, source.id


def test_no_address_is_asked_twice() -> None:
    asked = Counter((s.kind, s.url, tuple(sorted(s.params.items()))) for s in SOURCES)
    assert [ask for ask, times in asked.items() if times > 1] == []


def test_addresses_are_encrypted_but_for_those_with_a_reason() -> None:
    plain = {urlsplit(s.url).hostname for s in SOURCES if s.url.startswith("http:")}
    assert plain == PLAIN_HTTP.keys()


def test_selectors_and_patterns_compile() -> None:
    for source in SOURCES:
        if source.kind == "html_listing":
            Listing.of(source)  # soupsieve and re on each of its params
        if source.kind == "sitemap":
            assert re.compile(source.params["include"]), source.id


def test_what_is_off_says_why() -> None:
    """In the comment above it, or above the family's section."""
    text = (CONFIG / "sources.yaml").read_text(encoding="utf-8")
    for source in SOURCES:
        if not source.enabled:
            before = text.partition(f"  - id: {source.id}\n")[0]
            section = before.rpartition("\n  # ====")[2]
            reason = "Switched off" if source.kind == "dblp" else "\n  # Off: "
            own = section if source.kind == "dblp" else before.rpartition("\n\n")[2]
            assert reason in "\n" + own, source.id
