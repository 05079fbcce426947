"""The ground floor: records, text, configuration."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.config import ConfigError
from core.document import Document, Kind, canonical_url, normal_arxiv_id, normal_doi, web_url
from core.office import load_office
from core.settings import load_settings
from core.sources import load_sources
from core.taxonomy import load_taxonomy
from core.text import html_to_text, plain, sentences, title_key
from core.weeks import days_of, last_complete_week, week_of

TAXONOMY = """\
version: "1"
schemes:
  - id: goals
    name: Goals
    layout: sections
    labels:
      - id: screening
        name: Screening
        definition: Finding threats on people without slowing them down.
"""


def document(**fields: object) -> Document:
    given = {"kind": Kind.PREPRINT, "title": "A title", "source": "s", "native_id": "1"}
    return Document(**{**given, **fields})  # type: ignore[arg-type]


class TestDocument:
    def test_id_follows_the_strongest_identifier(self) -> None:
        doi = document(doi="https://doi.org/10.1234/ABC", arxiv_id="2401.00001")
        assert doi.id == document(doi="10.1234/abc", source="other", native_id="9").id
        arxiv = document(arxiv_id="arXiv:2401.00001v3")
        assert arxiv.id == document(arxiv_id="2401.00001", native_id="9").id
        assert arxiv.id != doi.id
        assert document(native_id="1").id != document(native_id="2").id
        by_url = document(native_id="", url="http://www.example.org/a/?utm_source=x#top")
        assert by_url.id == document(native_id="", url="https://example.org/a").id

    @pytest.mark.parametrize("title", ["", "  ", "\u200b\u202e"])
    def test_no_title_is_refused(self, title: str) -> None:
        with pytest.raises(ValueError, match="no title"):
            document(title=title)

    def test_no_identifier_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no identifier"):
            document(native_id="", url="javascript:alert(1)")

    def test_text_is_cleaned(self) -> None:
        found = document(
            title=" Ro\u202ebots\n in\x00 fire ",
            countries=("kr", "AU", "KR"),
            authors=("A", "", "A"),
        )
        assert found.title == "Ro bots in fire"
        assert found.countries == ("AU", "KR")
        assert found.authors == ("A",)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("doi:10.1000/XYZ.", "10.1000/xyz"),
        ("https://dx.doi.org/10.48550/arXiv.2401.00001", "10.48550/arxiv.2401.00001"),
        ("none", None),
        (None, None),
    ],
)
def test_doi(given: str | None, expected: str | None) -> None:
    assert normal_doi(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://arxiv.org/abs/2401.01234v2", "2401.01234"),
        ("oai:arXiv.org:hep-th/9901001", "hep-th/9901001"),
        ("math.GT/0309136v1", "math.GT/0309136"),
        ("0704.0001", "0704.0001"),
        ("10.1234/5678", None),
        ("", None),
    ],
)
def test_arxiv_id(given: str, expected: str | None) -> None:
    assert normal_arxiv_id(given) == expected


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://a.org/x", "/relative", "http://[x/", "http://a.org:x/"]
)
def test_only_web_addresses_are_links(url: str) -> None:
    assert web_url(url) == ""


def test_what_is_absurdly_long_is_cut() -> None:
    made = document(
        title="word " * 1_000_000,
        abstract="word " * 1_000_000,
        venue="v" * 10_000,
        authors=("a" * 10_000, *(f"Author {n}" for n in range(20_000))),
        url="https://example.org/" + "x" * 10_000,
        doi="10.1234/" + "x" * 10_000,
    )
    assert made.title == ("word " * 200).strip()
    assert len(made.abstract) == 99_999
    assert len(made.venue) == len(made.authors[0]) == 500
    assert len(made.authors) == 10_000
    assert made.url == ""
    assert made.doi is None


def test_long_native_ids_stay_apart() -> None:
    one, two = (document(native_id="i" * 1_000_000 + end) for end in ("1", "2"))
    assert len(one.native_id) < 100
    assert one.id != two.id
    assert one.native_id == document(native_id="i" * 1_000_000 + "1").native_id
    assert document(native_id="i" * 500).native_id == "i" * 500


def test_raw_can_be_stored_whatever_it_was() -> None:
    deep: Any = "bottom"
    for _ in range(500):
        deep = [deep]
    raw = {
        "half": "\ud800",
        "\udfff": 1,
        "none": [float("nan"), float("inf"), 0.5],
        "day": date(2026, 11, 9),
        "deep": {"er": deep},
        "long": "x" * 1_000_000,
    }
    kept = document(raw=raw).raw
    text = json.dumps(kept, default=str, ensure_ascii=False, allow_nan=False)
    assert len(text.encode()) < 11_000
    assert kept["half"] == "?"
    assert kept["none"] == [None, None, 0.5]
    assert kept["day"] == date(2026, 11, 9)


def test_countries_are_codes() -> None:
    assert document(countries=("de", "EU", "", "Germany", "\ud800\ud800")).countries == ("DE", "EU")


def test_identifiers_are_found_in_text_of_any_length() -> None:
    assert normal_arxiv_id("a" * 1_000_000) is None
    assert normal_arxiv_id("abs/" + "astro-ph/" * 100_000 + "9901001") == "astro-ph/9901001"
    assert normal_doi("10.1234/x\ud800y") == "10.1234/x"


def test_canonical_url_keeps_what_tells_pages_apart() -> None:
    assert canonical_url("https://a.org:8443/p/?id=1&utm_medium=m#x") == "https://a.org:8443/p?id=1"


class TestText:
    def test_html(self) -> None:
        assert (
            html_to_text("<p>Fire &amp; <b>rescue</b></p><script>x()</script>") == "Fire & rescue"
        )
        assert html_to_text("p < 0.05 & more") == "p < 0.05 & more"
        assert html_to_text("<ul><li>H<sub>2</sub>O</li><li>CO<br>two</li></ul>") == "H2O CO two"

    def test_plain_composes_words_of_any_length(self) -> None:
        assert plain("e\u0301 " + "a" * 1_000) == "é " + "a" * 1_000
        assert plain("e\u0301" * 3) == "ééé"
        assert len(plain("Z" + "\u0300\u0316" * 500_000)) > 900_000

    def test_plain_keeps_mathematics(self) -> None:
        assert plain("a < b\n  and  b > c") == "a < b and b > c"

    def test_title_key_survives_retyping(self) -> None:
        assert title_key("Détection: d’ÉXPLOSIFS!") == title_key("detection d explosifs")
        assert title_key("드론 탐지") != title_key("드론 방어")

    def test_sentences(self) -> None:
        assert sentences("We test it. It works! Dr. No et al. agree. 이것은 문장이다. 끝.") == [
            "We test it.",
            "It works!",
            "Dr. No et al. agree.",
            "이것은 문장이다.",
            "끝.",
        ]
        assert sentences("一つ目。二つ目。") == ["一つ目。", "二つ目。"]


class TestWeeks:
    def test_round_trip(self) -> None:
        assert days_of("2026-W46") == (date(2026, 11, 9), date(2026, 11, 15))
        assert week_of(date(2026, 11, 15)) == "2026-W46"
        assert last_complete_week(date(2026, 11, 16)) == "2026-W46"
        assert last_complete_week(date(2027, 1, 3)) == "2026-W52"

    @pytest.mark.parametrize("week", ["2026-46", "2026-W54", "last", ""])
    def test_nonsense(self, week: str) -> None:
        with pytest.raises(ValueError, match="2026-W46"):
            days_of(week)


class TestConfiguration:
    def test_the_shipped_files_are_valid(self) -> None:
        office = load_office(Path(__file__).parent.parent / "config")
        assert len(office.taxonomy.labels) == 15
        assert len(office.partners.partners) == 14
        assert office.sources

    @pytest.mark.parametrize(
        ("old", "new", "place"),
        [
            (
                "    layout: sections\n",
                "    layout: sidewise\n",
                "taxonomy.yaml:5: schemes.0.layout",
            ),
            ("        name: Screening\n", "        nmae: Screening\n", "taxonomy.yaml:8: "),
            (
                "        definition",
                "        codes: ['(']\n        definition",
                "taxonomy.yaml:9: schemes.0.labels.0.codes: '(' is no regular expression",
            ),
            ("version", "verzion", "taxonomy.yaml:1: verzion: unknown key"),
            ("- id: screening", "- id: goals", "taxonomy.yaml:1: the file: ids used twice: goals"),
            ("  - id: goals", "  - id: [goals", "taxonomy.yaml:4: not valid YAML"),
        ],
    )
    def test_wrong_yaml_names_file_line_and_key(
        self, tmp_path: Path, old: str, new: str, place: str
    ) -> None:
        (tmp_path / "taxonomy.yaml").write_text(TAXONOMY.replace(old, new))
        with pytest.raises(ConfigError) as error:
            load_taxonomy(tmp_path)
        assert place in str(error.value)

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"sources\.yaml: cannot be read"):
            load_sources(tmp_path)

    def test_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "sources.yaml").write_text("")
        with pytest.raises(ConfigError, match=r"sources\.yaml:1: "):
            load_sources(tmp_path)


class TestSettings:
    def test_environment_goes_before_file_and_file_before_defaults(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "horizon.toml").write_text("[http]\ntimeout = 7\nretries = 9\n")
        monkeypatch.setenv("HORIZON_HTTP__TIMEOUT", "5")
        settings = load_settings(tmp_path)
        assert (settings.http.timeout, settings.http.retries) == (5, 9)
        assert settings.http.max_redirects == 5

    def test_unknown_key_in_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "horizon.toml").write_text("[http]\ntimeuot = 7\n")
        with pytest.raises(ConfigError, match=r"http\.timeuot: unknown key"):
            load_settings(tmp_path)

    @pytest.mark.parametrize("name", ["HORIZON_STOER", "HORIZON_HTTP__TIMEUOT"])
    def test_unknown_key_in_the_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "1")
        with pytest.raises(ConfigError, match="unknown"):
            load_settings(tmp_path)

    def test_broken_toml(self, tmp_path: Path) -> None:
        (tmp_path / "horizon.toml").write_text("[http\n")
        with pytest.raises(ConfigError, match=r"not valid TOML.*line 1"):
            load_settings(tmp_path)

    def test_store_of_the_command_line_goes_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HORIZON_STORE", "/elsewhere/a.duckdb")
        assert load_settings(tmp_path, tmp_path / "b.duckdb").store == tmp_path / "b.duckdb"
