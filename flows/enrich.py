"""Enrich: label what has no labels yet."""

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from classifiers.base import Labeler
from classifiers.embedding import load_embedder
from classifiers.labeling import load_labeler
from core.office import load_office
from flows.progress import progress
from store import labels
from store.database import Connection, open_writer

_BATCH = 1000  # documents labelled and kept at a time


@flow(name="enrich")
def enrich(config: str, store: str) -> dict[str, int]:
    """Label every document that the present labeler has not labelled; return how many.

    A change of taxonomy or model changes the labeler's name, and so labels everything anew.

    Raises:
        ConfigError, StoreError, ModelError: configuration, store or model cannot be used.
    """
    office = load_office(Path(config), Path(store))
    model = office.settings.embedding.model
    labeler = load_labeler(office.taxonomy, embedder=load_embedder(model) if model else None)
    labelled = 0
    with open_writer(office.settings.store, office.partners) as con, progress() as bar:
        row = bar.add_task("Label", total=labels.count_pending(con, labeler.name), note="")
        while count := label_batch(con, labeler):
            labelled += count
            bar.advance(row, count)
    return {"labelled": labelled}


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
