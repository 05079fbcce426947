"""The taxonomy that ships: the labels of the brief, defined in our own words."""

import re
from pathlib import Path

import pytest

from core.config import ConfigError
from core.taxonomy import Taxonomy, load_taxonomy

CONFIG = Path(__file__).parent.parent / "config"
LANGUAGES = {"en", "fr", "de", "es", "ko", "he", "nl", "sv", "ja"}


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy(CONFIG)


def test_the_three_schemes_of_the_brief(taxonomy: Taxonomy) -> None:
    sizes = {s.id: (s.layout, len(s.labels)) for s in taxonomy.schemes}
    assert sizes == {
        "visionary_goals": ("sections", 5),
        "five_rd": ("table", 7),
        "agreement_areas": ("table", 3),
    }


def test_every_label_has_phrases_in_every_language(taxonomy: Taxonomy) -> None:
    for label in taxonomy.labels.values():
        assert set(label.phrases) == LANGUAGES, label.id
        for language, phrases in label.phrases.items():
            assert 10 <= len(phrases) <= 25, (label.id, language)
            assert len(set(phrases)) == len(phrases), (label.id, language)


@pytest.mark.realdata
def test_labels_are_the_codebooks_and_definitions_are_not_copied(
    taxonomy: Taxonomy, shared: Path
) -> None:
    codebook = (shared / "codebook.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^- `(\w+)` — ", codebook, re.MULTILINE)) == set(taxonomy.labels)

    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}

    theirs = runs(codebook)
    for label in taxonomy.labels.values():
        assert not runs(label.definition) & theirs, label.id


def test_a_label_used_twice_is_refused_with_file_and_line(tmp_path: Path) -> None:
    text = (CONFIG / "taxonomy.yaml").read_text(encoding="utf-8")
    (tmp_path / "taxonomy.yaml").write_text(
        text.replace("id: biosecurity", "id: counterterrorism"), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=r"taxonomy\.yaml:\d+: .*used twice: counterterrorism"):
        load_taxonomy(tmp_path)
