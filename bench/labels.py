"""How fast documents are embedded and labelled: ``python bench/labels.py --texts FILE``.

FILE: Parquet with id, title and abstract. Beside Horizon's labeler runs what arxiv-sanity-lite does
(TF-IDF of words and pairs, linear SVMs), trained on the same texts with Horizon's labels, so that
one run on one machine gives the ratio. Prints JSON.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from classifiers.embedding import load_embedder
from classifiers.labeling import load_labeler
from classifiers.language import LanguageDetector
from core.document import Document, Kind
from core.taxonomy import load_taxonomy

BATCH = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20_000)
    given = parser.parse_args()
    rows = pq.read_table(given.texts, columns=["id", "title", "abstract"])[: given.count]
    documents = [
        Document(
            kind=Kind.PREPRINT,
            title=row["title"],
            abstract=row["abstract"] or "",
            source="bench",
            native_id=row["id"],
        )
        for row in rows.to_pylist()
    ]
    detector, embedder = LanguageDetector(), load_embedder()
    labeler = load_labeler(load_taxonomy(Path("config")), embedder=embedder)
    labeler.label(detector.fill(documents[:100]))

    def label(some: list[Document]) -> Any:
        return labeler.label(detector.fill(some))

    def both(some: list[Document]) -> None:
        embedder.encode([document.text for document in some])
        label(some)

    figures = {
        "documents": len(documents),
        "embedding per second": rate(
            documents, lambda some: embedder.encode([d.text for d in some])
        ),
        "embedding and labelling per second": rate(documents, both),
        "peak memory in MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "TF-IDF and SVMs per second": peer(documents, label),
    }
    print(json.dumps({name: round(value) for name, value in figures.items()}, indent=1))


def rate(documents: list[Document], work: Callable[[list[Document]], Any]) -> float:
    """Return documents a second."""
    begun = time.perf_counter()
    for start in range(0, len(documents), BATCH):
        work(documents[start : start + BATCH])
    return len(documents) / (time.perf_counter() - begun)


def peer(documents: list[Document], label: Callable[[list[Document]], Any]) -> float:
    """Return the rate of TF-IDF features and linear SVMs, one a label."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    known = documents[:5000]
    said = label(known)
    vectorizer = TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 2), max_features=20_000, stop_words="english"
    )
    features = vectorizer.fit_transform([document.text for document in known])
    heads = []
    for k in range(len(said[0])):
        truth = [scores[k].assigned for scores in said]
        if 0 < sum(truth) < len(truth):
            heads.append(LinearSVC(class_weight="balanced", C=0.1).fit(features, truth))

    def judge(some: list[Document]) -> None:
        matrix = vectorizer.transform([document.text for document in some])
        for head in heads:
            head.decision_function(matrix)

    return rate(documents, judge)


if __name__ == "__main__":
    main()
