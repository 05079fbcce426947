"""Language, phrases, and the labeler that joins them with heads, on texts written for the tests.

The heads are a small model's: three labels have one, the others are judged by what the taxonomy
says of them.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from trained import CONFIG, LABELS, document, small, taxonomy
from written_news import ENGLISH, FOREIGN

from classifiers import Labeler, LabelScore, LanguageDetector, ModelError, load_labeler
from classifiers.examples import written
from classifiers.phrases import BY_CODE, THRESHOLD, PhraseLabeler
from core.document import Kind
from core.taxonomy import Label, Scheme, Taxonomy, load_taxonomy

ATTACK = "Malware and ransomware: an attacker locks the servers by phishing. "
DETECTOR = LanguageDetector()  # its model takes a while to load


def taxonomy_of(**phrases: tuple[str, ...]) -> Taxonomy:
    """A taxonomy of one scheme; each keyword is a label with its phrases."""
    labels = tuple(
        Label(id=i, name=i, definition="written for this test", phrases={"en": p})
        for i, p in phrases.items()
    )
    return Taxonomy(version="t", schemes=(Scheme(id="s", name="S", layout="table", labels=labels),))


def found(phrase: str, text: str) -> tuple[str, ...]:
    """What of ``text`` the phrase is found as."""
    return PhraseLabeler(taxonomy_of(only=(phrase,))).label([document(text)])[0][0].reasons


def assigned(scores: list[LabelScore]) -> set[str]:
    return {score.label for score in scores if score.assigned}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    small().heads.save(folder)
    return folder


@pytest.fixture(scope="module")
def labeler(model: Path) -> Labeler:
    return load_labeler(taxonomy(), model)


# --- language ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text"),
    [(language, f"{title}. {text}") for language, title, text, _ in FOREIGN]
    + [("en", f"{title}. {text}") for title, text, _ in ENGLISH]
    + [
        ("it", "Rilevamento di esplosivi negli aeroporti italiani con nuovi sensori"),
        ("pt", "O robô ajuda os bombeiros a encontrar vítimas nos escombros"),
        ("pl", "Wykrywanie materiałów wybuchowych na lotniskach"),
        ("fi", "Räjähteiden havaitseminen lentokentillä uudella anturilla"),
        ("zh", "机场爆炸物检测的新方法"),
        ("ru", "Обнаружение взрывчатых веществ в аэропортах"),
        ("el", "Ανίχνευση εκρηκτικών στα αεροδρόμια"),
    ],
)
def test_language(language: str, text: str) -> None:
    assert DETECTOR.detect([text]) == [language]


def test_language_of_the_written_texts() -> None:
    documents = [example.document for example in written()]
    told = DETECTOR.detect([document.text for document in documents])
    wrong = [d.title for d, said in zip(documents, told, strict=True) if said != d.language]
    assert len(wrong) <= 0.005 * len(documents), wrong


def test_only_languages_that_a_source_does_not_tell_are_filled_in() -> None:
    told = document("Détection d'explosifs dans les aéroports", language="de")
    silent = replace(told, language=None)
    unclear = document("UAV", language=None)
    assert [d.language for d in DETECTOR.fill([told, silent, unclear])] == ["de", "fr", None]


def test_language_is_unknown_where_nothing_tells() -> None:
    texts = ["", "UAV", "12345", r"$\alpha^2$ \frac{a}{b}", "<p></p><br/>", "IEEE 802.11"]
    assert DETECTOR.detect(texts) == [None] * len(texts)


# --- phrases -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("explosive detection", "Explosives detection, faster", "Explosives detection"),
        ("détection d'explosifs", "La DETECTION D’EXPLOSIFS", "DETECTION D’EXPLOSIFS"),
        ("counter-terrorism", "A counter terrorism unit", "counter terrorism"),
        ("Drohnenabwehr*", "Die Drohnenabwehrsysteme kommen", "Drohnenabwehrsysteme"),
        ("Grenzschutz", "beim Grenzſchutz", "Grenzſchutz"),
        ("폭발물 탐지", "새로운 폭발물을 탐지하는 법", "폭발물을 탐지"),
        ("폭발물 탐지", "폭발물탐지기", "폭발물탐지"),
        ("גילוי חומרי נפץ", "מערכת לגילוי חומרי נפץ", "לגילוי חומרי נפץ"),
        ("爆発物検知", "空港の爆発物検知技術", "爆発物検知"),
        ("ドローン", "ﾄﾞﾛｰﾝではないドローン群", "ドローン"),
        ("straße gesperrt", "Die ﬁnstere STRASSE gesperrt", "STRASSE gesperrt"),
    ],
)
def test_a_phrase_is_found_and_told_as_the_text_writes_it(
    phrase: str, text: str, expected: str
) -> None:
    assert found(phrase, text) == (expected,)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("UAS", "quasars and UASB reactors"),
        ("drone", "the droneship's hydrones"),
        ("flood warning", "There was a flood. Warning signs came later"),
        ("각", "가나다"),
        ("ガス", "カス"),
        ("הברחות", "ההתברחותיות"),
    ],
)
def test_a_phrase_is_not_found_inside_other_words(phrase: str, text: str) -> None:
    assert found(phrase, text) == ()


def test_a_title_counts_more_and_a_phrase_counts_once() -> None:
    labeler = PhraseLabeler(taxonomy_of(d=("drone", "drone swarm", "quadcopter")))

    def score(title: str, abstract: str) -> float:
        return labeler.label([document(title, abstract)])[0][0].score

    assert score("A", "none here") == 0
    assert score("A", "a drone") == score("A", "a drone and a drone") == score("A", "a drone swarm")
    assert score("A", "a drone") < THRESHOLD <= score("A drone", "none")
    assert score("A", "a drone") < score("A", "drone, quadcopter") < score("Drone", "quadcopter")


@pytest.mark.parametrize("text", ["", "<p></p>", "\x00\ud800", "drone " * 170_000, "é" * 1_000_000])
def test_odd_texts_are_searched_for_phrases_too(text: str) -> None:
    [[score]] = PhraseLabeler(taxonomy_of(d=("drone", "détection"))).label([document("-", text)])
    assert score.reasons == (("drone",) if "drone" in text else ())
    assert DETECTOR.detect([text])[0] in (None, "en", "fr")


# --- heads and phrases together ------------------------------------------------------------------


def test_every_label_is_scored_in_the_taxonomys_order(labeler: Labeler) -> None:
    items = [document(title, text) for title, text, _ in ENGLISH[:4]]
    said = labeler.label(items)
    assert len(said) == len(items)
    for scores in said:
        assert [(s.label, s.scheme) for s in scores] == list(taxonomy().scheme_of.items())
        assert {s.label for s in scores if s.origin == "model"} == set(LABELS)
        assert {s.label for s in scores if s.origin == "phrases"} == set(taxonomy().labels) - set(
            LABELS
        )
        assert all(0 <= score.score <= 1 for score in scores)
    assert labeler.label([]) == []


def test_order_is_that_of_the_taxonomy_whatever_has_a_head(model: Path) -> None:
    turned = Taxonomy(
        version="t",
        schemes=tuple(
            scheme.model_copy(update={"labels": scheme.labels[::-1]})
            for scheme in taxonomy().schemes[::-1]
        ),
    )
    [scores] = load_labeler(turned, model).label([document("Malware in mail servers")])
    assert [score.label for score in scores] == list(taxonomy().labels)[::-1]


def test_a_label_without_a_head_is_judged_by_its_words_in_the_taxonomy(labeler: Labeler) -> None:
    [scores] = labeler.label([document("Explosives trace detection at a security checkpoint")])
    [score] = [score for score in scores if score.label == "screening_at_speed"]
    assert (score.origin, score.assigned) == ("phrases", True)
    assert "Explosives trace detection" in score.reasons
    [nothing] = labeler.label([document("Cooking pasta with less salt")])
    assert {s.label for s in nothing if s.assigned and s.origin == "phrases"} == set()


def test_a_label_with_a_head_is_not_judged_by_its_phrases(labeler: Labeler) -> None:
    phrase = "drone swarm"
    [scores] = labeler.label([document("Bees", f"The queen. {phrase}")])
    [by_head] = [score for score in scores if score.label == "unmanned_aerial_systems"]
    [alone] = PhraseLabeler(taxonomy()).label([document("Bees", f"The queen. {phrase}")])
    [by_phrase] = [score for score in alone if score.label == "unmanned_aerial_systems"]
    assert by_phrase.score > 0
    assert by_head.origin == "model"
    assert by_head.score != by_phrase.score


@pytest.mark.parametrize(
    ("venue", "label"),
    [
        ("Horizon Europe, HORIZON-CL3-2024-BM-01-02", "border_security"),
        ("HORIZON-CL3-2023-CS-01", "cybersecurity"),
    ],
)
def test_a_funders_topic_code_settles_it_with_or_without_a_head(
    labeler: Labeler, venue: str, label: str
) -> None:
    title = "NORDLYS: a project with a name that says nothing"
    [scores] = labeler.label([document(title, venue=venue, kind=Kind.PROJECT)])
    [score] = [score for score in scores if score.label == label]
    assert score.assigned
    assert score.score >= BY_CODE
    assert score.reasons[0] in venue
    assert score.reasons[0].startswith("HORIZON-CL3")
    [without] = labeler.label([document(title, kind=Kind.PROJECT)])
    assert label not in assigned(without)
    # Nothing but labels with that code is touched.
    for one, other in zip(scores, without, strict=True):
        if not any("HORIZON" in reason for reason in one.reasons):
            assert one == other


def test_a_code_counts_in_the_venue_only(labeler: Labeler) -> None:
    [scores] = labeler.label([document("A title", "HORIZON-CL3-2024-BM-01-02")])
    assert "border_security" not in assigned(scores)


def test_a_fourth_scheme_in_yaml_is_labelled_without_code(tmp_path: Path, model: Path) -> None:
    text = (CONFIG / "taxonomy.yaml").read_text(encoding="utf-8")
    (tmp_path / "taxonomy.yaml").write_text(
        text
        + """
  - id: arctic_agreement
    name: Arctic Agreement
    layout: table
    labels:
      - id: sea_ice_rescue
        name: Rescue on Ice
        definition: Finding and saving people who are lost on sea ice.
        phrases: {en: [sea ice rescue], fr: [sauvetage sur la banquise]}
""",
        encoding="utf-8",
    )
    labeler = load_labeler(load_taxonomy(tmp_path), model)
    docs = [
        document("Sea-ice rescue by dog sled"),
        document("Le sauvetage sur la banquise", language="fr"),
        document("Cooking pasta with less salt"),
    ]
    last = [scores[-1] for scores in labeler.label(docs)]
    assert [(s.label, s.scheme, s.origin) for s in last] == [
        ("sea_ice_rescue", "arctic_agreement", "phrases")
    ] * 3
    assert [s.assigned for s in last] == [True, True, False]
    assert last[0].reasons == ("Sea-ice rescue",)
    assert labeler.name != load_labeler(taxonomy(), model).name


@pytest.mark.parametrize(
    "text",
    ["", "<p><b></b></p>", r"$\int_0^1 \frac{x}{y}$", "?!…", "\x00\ud800", ATTACK * 16_000],
    ids=["empty", "markup", "latex", "punctuation", "invisible", "1 MB"],
)
@pytest.mark.parametrize("language", [None, "en", "zz"])
def test_odd_texts_are_labelled_too(labeler: Labeler, text: str, language: str | None) -> None:
    [odd] = labeler.label([document("-", text, language=language)])
    assert len(odd) == len(taxonomy().labels)
    assert ("cybersecurity" in assigned(odd)) == (ATTACK in text)


def test_the_name_tells_models_and_taxonomies_apart(
    labeler: Labeler, model: Path, tmp_path: Path
) -> None:
    assert load_labeler(taxonomy(), model).name == labeler.name
    heads = small().heads
    replace(heads, thresholds=heads.thresholds / 2).save(tmp_path)
    other = load_labeler(taxonomy(), tmp_path)
    assert other.name != labeler.name
    assert load_labeler(taxonomy_of(d=("drone",)), model).name != labeler.name


def test_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no usable model in .*; train one with 'horizon train'"):
        load_labeler(taxonomy(), tmp_path)


def test_importing_classifiers_is_cheap() -> None:
    heavy = "sklearn scipy torch sentence_transformers model2vec tokenizers pyarrow py3langid"
    code = f"import sys, classifiers; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CONFIG.parent
    )
    assert done.stdout.strip() == "[]"
