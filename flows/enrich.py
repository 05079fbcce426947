"""Enrich: give what has none yet its vector and its labels."""

from collections.abc import Callable
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from rich.progress import Progress

from classifiers.base import Embedder, Labeler
from classifiers.embedding import load_embedder, own_embedder
from classifiers.kept import present_model
from classifiers.labeling import load_labeler
from core.office import load_office
from flows.progress import progress
from store import labels, vectors
from store.database import Connection, open_writer

_BATCH = 1000  # documents at a time


@flow(name="enrich")
def enrich(config: str, store: str) -> dict[str, int]:
    """Embed and label what the present models have not; return how many documents of each.

    Another embedding model makes every vector anew; a change of taxonomy or heads changes the
    labeler's name, and so labels everything anew. Killed at any moment and run again, it goes on.

    Raises:
        ConfigError, StoreError, ModelError: configuration, store or model cannot be used.
    """
    office = load_office(Path(config), Path(store))
    embedder = load_embedder(office.settings.embedding.model)
    with open_writer(office.settings.store, office.partners) as con, progress() as bar:
        waiting = vectors.count_pending(con, embedder.name)
        embedded = _until_done(bar, "Embed", waiting, lambda: embed_batch(con, embedder))
        # Only now: vectors do not wait for heads that have yet to be trained on them.
        labeler = load_labeler(office.taxonomy, present_model(office.settings.model), embedder)
        waiting = labels.count_pending(con, labeler.name)
        labelled = _until_done(bar, "Label", waiting, lambda: label_batch(con, labeler))
    own_embedder.cache_clear()  # 80 MB that the digest after it has better use for
    return {"embedded": embedded, "labelled": labelled}


def _until_done(bar: Progress, name: str, waiting: int, batch: Callable[[], int]) -> int:
    """Call ``batch`` until it has done nothing; return how many documents it did in all."""
    row = bar.add_task(name, total=waiting, note="")
    done = 0
    while count := batch():
        done += count
        bar.advance(row, count)
    return done


@task(name="embed batch", retries=1, cache_policy=NO_CACHE, persist_result=False)
def embed_batch(con: Connection, embedder: Embedder) -> int:
    """Embed the next batch and keep it; return its size, 0 when nothing is left."""
    waiting = vectors.pending(con, embedder.name, _BATCH)
    if not waiting:
        return 0
    ids = [document_id for document_id, _ in waiting]
    encoded = embedder.encode([document.text for _, document in waiting])
    vectors.save(con, embedder.name, ids, encoded)
    return len(ids)


@task(name="label batch", retries=1, cache_policy=NO_CACHE, persist_result=False)
def label_batch(con: Connection, labeler: Labeler) -> int:
    """Label the next batch and keep it; return its size, 0 when nothing is left."""
    waiting = labels.pending(con, labeler.name, _BATCH)
    if not waiting:
        return 0
    ids = [document_id for document_id, _ in waiting]
    said = labeler.label([document for _, document in waiting])
    rows = [
        labels.LabelRow(i, s.scheme, s.label, s.score, s.assigned, s.origin, list(s.reasons))
        for i, scores in zip(ids, said, strict=True)
        for s in scores
    ]
    labels.save(con, labeler.name, ids, rows)
    return len(ids)
