"""Countries of printed affiliations: found where told, left out where doubtful."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import ROOT

from core.countries import countries_of, country_name
from core.partners import load_partners
from core.places.gazetteer import FOLDER, fold, gazetteer


@pytest.mark.parametrize(
    ("affiliation", "country"),
    [
        ("KAIST, Daejeon 34141, Republic of Korea", "KR"),
        ("한국과학기술원, 대전, 대한민국", "KR"),
        ("Cranfield University, Bedford, U.K.", "GB"),
        ("University of Edinburgh, Edinburgh, Scotland", "GB"),
        ("TNO, The Hague, The Netherlands", "NL"),
        ("DLR, 51147 Köln, Deutschland", "DE"),
        ("Ben-Gurion University, Beer-Sheva, ISRAEL", "IL"),
        ("UNAM, Ciudad de México, México", "MX"),
        ("Universidad de Granada, Granada, Espana", "ES"),
        ("KTH, Stockholm, Sverige.", "SE"),
        ("METU, Ankara, Türkiye", "TR"),
        ("Sharif University, Tehran, Iran", "IR"),
        ("Hanoi University, Hanoi, Viet Nam", "VN"),
        ("CVUT, Praha, Czech Republic", "CZ"),
        ("ITMO, St. Petersburg, Russia", "RU"),
        ("Univ. Abidjan, Abidjan, Côte d’Ivoire", "CI"),
        ("CNRS, Paris, France 75005", "FR"),
        ("Joint Research Centre, European Commission", "EU"),
        ("Joint Research Centre, Ispra, Italy", "IT"),
        ("University of Waterloo, Waterloo, ON, CAN", "CA"),
        ("清华大学，北京，中国", "CN"),
    ],
)
def test_a_country_that_is_printed_is_found(affiliation: str, country: str) -> None:
    assert countries_of([affiliation]) == (country,)


@pytest.mark.parametrize(
    ("affiliation", "country"),
    [
        ("MIT, Cambridge, MA 02139", "US"),
        ("Some Lab, Cambridge, MA", "US"),
        ("University of Cambridge, Cambridge", "GB"),
        ("Some College, London", "GB"),
        ("Some College, London, Ontario", "CA"),
        ("School of Law, Birmingham", "GB"),
        ("School of Law, Birmingham, AL", "US"),
        ("Some College, Paris, Texas", "US"),
        ("Dartmouth, Lebanon, NH", "US"),
        ("Sandia, Albuquerque, New Mexico 87123-1234", "US"),
        ("Emory University, Atlanta, Georgia 30322", "US"),
        ("University of Georgia, Athens, Georgia", "US"),
        ("Georgia Tech", "US"),
        ("State University, Tbilisi, Georgia", "GE"),
        ("Some Lab, Toronto, CA", "CA"),
        ("Some Lab, San Jose, CA", "US"),
        ("Some Lab, Berlin, DE", "DE"),
        ("Some Lab, Dover, DE", "US"),
        ("Some Lab, Haifa, IL", "IL"),
        ("Some Lab, Chicago, IL", "US"),
        ("Some Lab, Perth, WA", "AU"),
        ("Some Lab, Vancouver, WA", "US"),
        ("Some Lab, Vancouver, BC", "CA"),
        ("NTU, Singapore", "SG"),
        ("NTU, Taipei", "TW"),
        ("University of New South Wales, New South Wales", "AU"),
        ("American University of Beirut", "LB"),
        ("University of Newcastle, Callaghan, NSW", "AU"),
        ("Queen's University", "CA"),
        ("Queen's University, Belfast", "GB"),
    ],
)
def test_what_a_name_means_depends_on_its_neighbours(affiliation: str, country: str) -> None:
    assert countries_of([affiliation]) == (country,)


@pytest.mark.parametrize(
    ("affiliation", "country"),
    [
        ("Department of Physics, Technical University of Denmark", "DK"),
        ("Universität zu Köln", "DE"),
        ("Institut für Physik, Universität Wien", "AT"),
        ("Universit ¨at M ¨unchen", "DE"),
        ("Stanford University2", "US"),
        ("3Peking University", "CN"),
        ("서울대학교 공과대학", "KR"),
        ("東京大学", "JP"),
        ("אוניברסיטת תל אביב", "IL"),
        ("Microsoft Research", "US"),
        ("Microsoft Research Asia", "CN"),
        ("Samsung Research Canada", "CA"),
        ("Huawei Munich Research Center", "DE"),
        ("Google, Zurich", "CH"),
        ("Swedish Something Agency", "SE"),
    ],
)
def test_a_country_is_told_by_names_inside_the_text(affiliation: str, country: str) -> None:
    assert countries_of([affiliation]) == (country,)


@pytest.mark.parametrize(
    ("affiliation", "country"),
    [
        ("Some Lab, a.b@example.ac.kr", "KR"),
        ("Some Lab, {a, b}@ example.edu.au", "AU"),
        ("Some Lab (https://www.example.ac.uk/people)", "GB"),
        ("Some Lab, www.example.fr", "FR"),
        ("Some Lab, a@example.edu", "US"),
        ("Samsung, a@example.pl", "PL"),
        ("Université Paris Cité, Paris, France, a.b@u-paris.test", "FR"),
        ("Some Lab, Lyon, a@example.edu", "FR"),
    ],
)
def test_addresses_tell_what_names_do_not(affiliation: str, country: str) -> None:
    assert countries_of([affiliation]) == (country,)


@pytest.mark.parametrize(
    "affiliation",
    [
        "",
        " ,;+ ",
        "NTU",
        "Department of Computer Science",
        "School of Physics, Georgia",
        "Some Lab, Cambridge",
        "Some Lab, WA",
        "Victoria University",
        "University of Newcastle",
        "Institute for War, Peace and",
        "Institute of Normal and Mobile Reading",
        "Independent Researcher, a@example.io",
        "Kim, David, and Martin",
        "Institut mit Humor",
    ],
)
def test_what_is_doubtful_is_left_out(affiliation: str) -> None:
    assert countries_of([affiliation]) == ()


@pytest.mark.parametrize(
    ("affiliation", "country"),
    [
        ("HKUST, Hong Kong, China", "HK"),
        ("Some Lab, Macao SAR, China", "MO"),
        ("National Taiwan University, Taipei, Taiwan (R.O.C.)", "TW"),
        ("Tsinghua University, Beijing, P. R. China", "CN"),
        ("Somewhere, China", "CN"),
    ],
)
def test_iso_codes_of_their_own(affiliation: str, country: str) -> None:
    assert countries_of([affiliation]) == (country,)


def test_all_affiliations_count_once_and_in_order() -> None:
    texts = ["A, Tokyo, Japan; B, Vancouver, Canada", "C, Osaka, Japan", "D", "E, Rome+F, Oslo"]
    assert countries_of(texts) == ("CA", "IT", "JP", "NO")


def test_a_hostile_affiliation_is_read_in_linear_time() -> None:
    text = "a" * 100_000 + " University " * 10_000 + "@" * 10_000 + "x." * 50_000
    assert countries_of([text]) == ()


def test_country_names() -> None:
    assert (country_name("kr"), country_name("EU")) == ("South Korea", "European Union")
    assert (country_name("CN"), country_name("XX")) == ("China", "XX")
    for code in load_partners(ROOT / "config").names:
        assert country_name(code) != code


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.tsv")), ids=lambda file: file.stem)
def test_tables_name_countries_that_exist(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        candidates, names = line.split("\t")
        for code in candidates.replace(">", " ").split():
            assert country_name(code) != code, line
        assert all(names.split("|")), line


@pytest.mark.parametrize("table", ["institutions", "companies"])
def test_no_name_stands_in_two_lines(table: str) -> None:
    lines = (FOLDER / f"{table}.tsv").read_text(encoding="utf-8").splitlines()
    seen: dict[str, str] = {}
    for line in lines:
        code, names = line.split("\t")
        for name in names.split("|"):
            assert seen.setdefault(fold(name), code) == code, name


def test_towns_that_are_words_are_no_places() -> None:
    assert gazetteer().places.keys().isdisjoint({"university", "mobile", "normal", "kim"})


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_countries", ROOT / "bench/countries.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def parts(bench: ModuleType) -> dict[str, list[Any]]:
    return bench.parts(bench.papers())


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("part", "coverage", "accuracy", "accuracy_as_china"),
    [
        ("training", 0.99, 0.965, 0.995),
        ("held_out", 0.985, 0.955, 0.99),
        ("held_out_alone", 0.985, 0.97, 0.995),
        ("held_out_strings", 0.94, 0.97, 0.99),
    ],
)
def test_real_papers(
    bench: ModuleType,
    parts: dict[str, list[Any]],
    part: str,
    coverage: float,
    accuracy: float,
    accuracy_as_china: float,
) -> None:
    found = bench.score(parts[part])
    assert found["papers"] > 10_000
    assert found["coverage"] >= coverage
    assert found["accuracy"] >= accuracy
    assert found["accuracy_as_china"] >= accuracy_as_china
