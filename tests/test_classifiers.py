"""Language, phrases, heads and the labeler that joins them, on texts written for the tests."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from written_news import ENGLISH, FOREIGN, FOREIGN_IRRELEVANT

from classifiers import Labeler, LabelScore, LanguageDetector, ModelError, load_labeler
from classifiers.heads import HeadLabeler, Heads
from classifiers.labeling import MODEL
from classifiers.phrases import THRESHOLD, PhraseLabeler
from core.document import Document, Kind
from core.taxonomy import Label, Scheme, Taxonomy, load_taxonomy

DETECTOR = LanguageDetector()  # its model takes a while to load
CONFIG = Path(__file__).parent.parent / "config"


def document(
    title: str, abstract: str = "", *, kind: Kind = Kind.PREPRINT, language: str | None = "en"
) -> Document:
    return Document(
        kind=kind, title=title, abstract=abstract, language=language, source="test", native_id=title
    )


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
def taxonomy() -> Taxonomy:
    return load_taxonomy(CONFIG)


@pytest.fixture(scope="module")
def labeler(taxonomy: Taxonomy) -> Labeler:
    return load_labeler(taxonomy)


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


def test_a_fourth_scheme_in_yaml_is_labelled_without_code(tmp_path: Path) -> None:
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
    labeler = load_labeler(load_taxonomy(tmp_path))
    docs = [
        document("Sea-ice rescue by dog sled"),
        document("Le sauvetage sur la banquise", language="fr"),
        document("Sea ice extent in 2020"),
    ]
    last = [scores[-1] for scores in labeler.label(docs)]
    assert [(s.label, s.scheme, s.origin) for s in last] == [
        ("sea_ice_rescue", "arctic_agreement", "phrases")
    ] * 3
    assert [s.assigned for s in last] == [True, True, False]
    assert last[0].reasons == ("Sea-ice rescue",)
    assert labeler.name != load_labeler(load_taxonomy(CONFIG)).name


# --- the labeler that ships ----------------------------------------------------------------------


@pytest.mark.parametrize(("language", "title", "text", "expected"), FOREIGN)
def test_news_in_the_partners_languages(
    labeler: Labeler, language: str, title: str, text: str, expected: set[str]
) -> None:
    item = document(title, text, kind=Kind.NEWS, language=language)
    scores = labeler.label([item])[0]
    assert expected <= assigned(scores)
    assert all(reason in item.text for score in scores for reason in score.reasons)


@pytest.mark.parametrize(("language", "title", "text"), FOREIGN_IRRELEVANT)
def test_ordinary_news_gets_no_label(
    labeler: Labeler, language: str, title: str, text: str
) -> None:
    item = document(title, text, kind=Kind.NEWS, language=language)
    assert assigned(labeler.label([item])[0]) == set()


def test_english_news(labeler: Labeler) -> None:
    items = [document(title, text, kind=Kind.NEWS) for title, text, _ in ENGLISH]
    hits = wrong = missed = 0
    for scores, (_, _, expected) in zip(labeler.label(items), ENGLISH, strict=True):
        got = assigned(scores)
        hits, wrong = hits + len(got & expected), wrong + len(got - expected)
        missed += len(expected - got)
    assert hits / (hits + wrong) >= 0.85
    assert hits / (hits + missed) >= 0.7


def test_every_label_is_scored_in_order_and_reasons_are_in_the_text(
    labeler: Labeler, taxonomy: Taxonomy
) -> None:
    item = document(
        "Intrusion detection for industrial control systems",
        "We detect malware and cyber attacks on the power grid and evaluate on real attackers.",
    )
    scores = labeler.label([item])[0]
    assert [(s.label, s.scheme) for s in scores] == list(taxonomy.scheme_of.items())
    assert {"trusted_cyber_future", "cybersecurity"} <= assigned(scores)
    for score in scores:
        assert 0 <= score.score <= 1
        assert bool(score.reasons) or not score.assigned
        assert all(reason in item.text for reason in score.reasons)


def test_a_batch_says_what_single_documents_say(labeler: Labeler) -> None:
    items = [document(title, text) for title, text, _ in ENGLISH[:6]]
    for together, item in zip(labeler.label(items), items, strict=True):
        alone = labeler.label([item])[0]
        assert [(s.label, s.assigned) for s in together] == [(s.label, s.assigned) for s in alone]
        np.testing.assert_allclose([s.score for s in together], [s.score for s in alone])
    assert labeler.label([]) == []


@pytest.mark.parametrize(
    "text",
    ["", "<p><b></b></p>", r"$\int_0^1 \frac{x}{y}$", "?!…", "explosive detection " * 50_000],
    ids=["empty", "markup", "latex", "punctuation", "1 MB"],
)
def test_odd_texts_are_labelled_too(labeler: Labeler, taxonomy: Taxonomy, text: str) -> None:
    odd = labeler.label([document("-", text, language=None)])[0]
    assert len(odd) == len(taxonomy.labels)
    reasons = {reason for score in odd for reason in score.reasons}
    assert ("explosive detection" in reasons) == ("explosive" in text)
    assert DETECTOR.detect([text])[0] in (None, "en")


# --- the artifact --------------------------------------------------------------------------------


def test_thresholds_and_calibration_are_sane() -> None:
    heads = Heads.load(MODEL)
    assert ((heads.thresholds > 0.1) & (heads.thresholds <= 0.5)).all()
    assert (heads.calibration[:, 0] > 0).all()  # a higher score is never less likely


def test_artifact_is_small_and_holds_no_code() -> None:
    files = {path.name: path for path in MODEL.iterdir()}
    assert set(files) == {"heads.npz", "heads.json", "MODEL_CARD.md"}
    assert sum(path.stat().st_size for path in files.values()) <= 10_000_000
    with np.load(files["heads.npz"], allow_pickle=False) as numbers:
        assert all(numbers[name].dtype == np.float32 for name in numbers.files)


def test_artifact_round_trip(tmp_path: Path, taxonomy: Taxonomy) -> None:
    heads = Heads.load(MODEL)
    heads.save(tmp_path / "again")
    items = [document(title, text) for title, text, _ in ENGLISH]
    before = HeadLabeler(heads, taxonomy).label(items)
    assert HeadLabeler(Heads.load(tmp_path / "again"), taxonomy).label(items) == before


@pytest.mark.parametrize("damage", ["missing", "truncated", "format", "shape"])
def test_a_damaged_artifact_is_one_sentence(
    tmp_path: Path, taxonomy: Taxonomy, damage: str
) -> None:
    if damage != "missing":
        Heads.load(MODEL).save(tmp_path)
    words, numbers = tmp_path / "heads.json", tmp_path / "heads.npz"
    if damage == "truncated":
        numbers.write_bytes(numbers.read_bytes()[:1000])
    if damage in ("format", "shape"):
        content = json.loads(words.read_text(encoding="utf-8"))
        content |= {"format": 99} if damage == "format" else {"labels": content["labels"][1:]}
        words.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match=r"no usable model in .*; train one with python -m"):
        load_labeler(taxonomy, tmp_path)


def test_importing_classifiers_is_cheap() -> None:
    heavy = "sklearn scipy torch sentence_transformers pyarrow py3langid"
    code = f"import sys, classifiers; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CONFIG.parent
    )
    assert done.stdout.strip() == "[]"


def test_a_funders_topic_code_is_evidence(labeler: Labeler) -> None:
    project = Document(
        kind=Kind.PROJECT,
        title="NORDLYS: a project with a name that says nothing",
        venue="Horizon Europe, HORIZON-CL3-2024-BM-01-02",
        source="projects",
        native_id="1",
        language="en",
    )
    [scores] = labeler.label([project])
    assigned = {score.label: score.reasons for score in scores if score.assigned}
    assert list(assigned) == ["border_security"]
    assert assigned["border_security"][0] == "HORIZON-CL3-2024-BM"
