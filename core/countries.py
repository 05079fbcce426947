"""Countries of an affiliation as a paper prints it, and names of country codes.

A first, careful version: it says nothing rather than something doubtful. What reads as a state of
the US and as a country (``Georgia``, ``CA``, ``IL``, ``DE``) counts only with a ZIP code behind it.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

# Printed names that ISO 3166-1 does not hold; compared after ``_fold``.
_ALIASES = """
AE UAE; AT Österreich; BE Belgique|België; BR Brasil; CD DR Congo|Democratic Republic of Congo;
CH Schweiz|Suisse|Svizzera; CI Ivory Coast; CN PR China|P R China|Mainland China|中国;
CZ Česko|Česká republika; DE Deutschland; DK Danmark; ES España; FI Suomi;
EU European Union|European Commission; HK Hong Kong SAR; HU Magyarország; IE Republic of Ireland;
GB UK|Great Britain|England|Scotland|Wales|Northern Ireland; IL ישראל; IT Italia; JP 日本;
KP North Korea; KR Korea|S Korea|대한민국|한국; LA Lao PDR; MK Macedonia; MO Macau;
NL Nederland|Holland; NO Norge; PL Polska; PS Palestine; RU Russia|Россия; SE Sverige; TR Turkey;
TW Taiwan ROC; US US|USA|U S A; VA Vatican City
"""
_AMBIGUOUS = {"georgia", "WA"}  # the country; Western Australia. Codes of countries are added.
_ZIP = re.compile(r"(?:.*\s)?([A-Z]{2}|[A-Z][a-z]+)\s+\d{5}(?:-\d{4})?")


class _Registry(NamedTuple):
    names: dict[str, str]  # code → usual English name
    codes: dict[str, str]  # folded name, or alpha-3 code in capitals → code
    states: frozenset[str]  # of the US: folded names, and postal codes in capitals
    ambiguous: frozenset[str]  # those of them that may be something else


def countries_of(affiliations: Iterable[str]) -> tuple[str, ...]:
    """Return the ISO 3166-1 alpha-2 codes (EU for the Union) named in ``affiliations``, sorted.

    Each text may hold several affiliations between semicolons. In each the last part between
    commas counts, parts with digits or a mail address behind it aside.
    """
    each = (one for text in affiliations for one in text.split(";"))
    return tuple(sorted({code for one in each if (code := _country(one))}))


def country_name(code: str) -> str:
    """Return the usual English name of an alpha-2 code; the code itself if there is none."""
    return _registry().names.get(code.upper(), code)


@lru_cache(maxsize=50_000)
def _country(affiliation: str) -> str | None:
    for part in reversed(affiliation.split(",")):
        part = part.strip(" .\t\r\n")
        if code := _code(part):
            return code
        if part and not re.search(r"[\d@]", part):
            return None
    return None


def _code(part: str) -> str | None:
    """Return the country that one part of an affiliation names, None if none or doubtful."""
    registry = _registry()
    zipped = _ZIP.fullmatch(part)
    if zipped and not registry.states.isdisjoint((zipped[1], _fold(zipped[1]))):
        return "US"
    name = _fold(re.sub(r"\S*\d\S*", " ", part))
    if not registry.ambiguous.isdisjoint((part, name)):
        return None
    if not registry.states.isdisjoint((part, name)):
        return "US"
    return registry.codes.get(part) or registry.codes.get(name)


def _fold(name: str) -> str:
    """Return ``name`` caseless, without accents, full stops, brackets and a leading article."""
    letters = unicodedata.normalize("NFKD", re.sub(r"[.()\[\]]", "", name.replace("’", "'")))
    caseless = "".join(c for c in letters if not unicodedata.combining(c)).casefold()
    return " ".join(unicodedata.normalize("NFC", caseless).split()).removeprefix("the ")


@cache
def _registry() -> _Registry:
    import pycountry  # 80 ms with its data, which a search does not need

    names, codes = {"EU": "European Union"}, {}
    for country in map(dict, pycountry.countries):
        code = country["alpha_2"]
        names[code] = country.get("common_name", country["name"])
        codes[country["alpha_3"]] = code
        turned = " ".join(reversed(country["name"].split(", ")))  # Korea, Republic of
        for name in (names[code], country["name"], country.get("official_name", turned), turned):
            codes[_fold(name)] = code
    for code, aliases in (entry.split(maxsplit=1) for entry in _ALIASES.split(";")):
        codes |= dict.fromkeys(map(_fold, aliases.split("|")), code)
    regions = [
        region
        for region in pycountry.subdivisions
        if region.country_code == "US" and region.type != "Outlying area"
    ]
    postal = {region.code.removeprefix("US-") for region in regions}
    return _Registry(
        names,
        codes,
        states=frozenset(postal | {_fold(region.name) for region in regions}),
        ambiguous=frozenset(_AMBIGUOUS | postal & names.keys()),
    )
