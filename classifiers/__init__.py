"""Classifiers: the language of a document, its labels, its vector. Importing this loads no model.

>>> labeler = load_labeler(load_taxonomy(Path("config")))
>>> [score.label for score in labeler.label([document])[0] if score.assigned]
"""

from classifiers.base import Embedder, Labeler, LabelScore, ModelError
from classifiers.embedding import load_embedder
from classifiers.labeling import load_labeler
from classifiers.language import LanguageDetector

__all__ = [
    "Embedder",
    "LabelScore",
    "Labeler",
    "LanguageDetector",
    "ModelError",
    "load_embedder",
    "load_labeler",
]
