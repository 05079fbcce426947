"""Countries of printed affiliations: found where plain, left out where doubtful."""

import pytest
from conftest import ROOT

from core.countries import countries_of, country_name
from core.partners import load_partners


@pytest.mark.parametrize(
    ("affiliation", "country"),
    [
        ("KAIST, Daejeon 34141, Republic of Korea", "KR"),
        ("Seoul National University, Seoul, South Korea", "KR"),
        ("한국과학기술원, 대전, 대한민국", "KR"),
        ("Cranfield University, Bedford, U.K.", "GB"),
        ("University of Edinburgh, Edinburgh, Scotland", "GB"),
        ("TNO, The Hague, The Netherlands", "NL"),
        ("DLR, 51147 Köln, Deutschland", "DE"),
        ("Ben-Gurion University, Beer-Sheva, ISRAEL", "IL"),
        ("Technion, Haifa 32000, Israel", "IL"),
        ("UNAM, Ciudad de México, México", "MX"),
        ("Universidad de Granada, Granada, Espana", "ES"),
        ("KTH, Stockholm, Sverige.", "SE"),
        ("NTU, Taipei, Taiwan (R.O.C.)", "TW"),
        ("Tsinghua University, Beijing, P. R. China", "CN"),
        ("METU, Ankara, Türkiye", "TR"),
        ("Sharif University, Tehran, Iran", "IR"),
        ("Hanoi University, Hanoi, Viet Nam", "VN"),
        ("CVUT, Praha, Czech Republic", "CZ"),
        ("ITMO, St. Petersburg, Russia", "RU"),
        ("Univ. Abidjan, Abidjan, Côte d’Ivoire", "CI"),
        ("Université Paris Cité, Paris, France, a.b@u-paris.test", "FR"),
        ("CNRS, Paris, France 75005", "FR"),
        ("Joint Research Centre, European Commission", "EU"),
        ("MIT, Cambridge, MA 02139", "US"),
        ("MIT, Cambridge, MA 02139, USA", "US"),
        ("Sandia, Albuquerque, New Mexico 87123-1234", "US"),
        ("Emory University, Atlanta, Georgia 30322", "US"),
        ("Dartmouth, Lebanon, NH", "US"),
        ("UT Austin, Austin, Texas", "US"),
        ("University of Waterloo, Waterloo, ON, CAN", "CA"),
    ],
)
def test_a_country_that_is_plain_is_found(affiliation: str, country: str) -> None:
    assert countries_of([affiliation]) == (country,)


@pytest.mark.parametrize(
    "affiliation",
    [
        "",
        "Ohio State",
        "University of Georgia, Athens, Georgia",
        "Some Lab, Toronto, CA",
        "Some Lab, Berlin, DE",
        "Some Lab, Haifa, IL",
        "University of Western Australia, Perth, WA",
        "American University of Beirut, Lebanon Campus, Hall",
        "Institute for War, Peace and",
        "University of New South Wales, New South Wales",
        "China Lake, Building 5, Range",
    ],
)
def test_what_is_doubtful_is_left_out(affiliation: str) -> None:
    assert countries_of([affiliation]) == ()


def test_all_affiliations_count_once_and_in_order() -> None:
    assert countries_of(["A, Tokyo, Japan; B, Vancouver, Canada", "C, Osaka, Japan", "D"]) == (
        "CA",
        "JP",
    )


def test_country_names() -> None:
    assert (country_name("kr"), country_name("EU")) == ("South Korea", "European Union")
    assert country_name("XX") == "XX"
    for code in load_partners(ROOT / "config").names:
        assert country_name(code) != code
