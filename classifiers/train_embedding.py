"""Training the embedding model: ``python -m classifiers.train_embedding --corpus FOLDER``.

A title and its abstract mean the same: their vectors are drawn together, those of other papers in
the batch pushed away (InfoNCE, van den Oord et al. 2018), for all dimensions and for the first 64
alone (Matryoshka, Kusupati et al. 2022). Written texts beside their English translations and
glossaries do the same across languages. After half an epoch batches are made of clusters of near
papers, which are harder to tell apart. A vector is a sum over word pieces, so a batch costs two
products of matrices: 25 minutes on two cores.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.embedding import DIMENSIONS, MODEL, unit
from classifiers.examples import EXEMPLARS, acceptance, is_held_out
from classifiers.words import Words
from core.taxonomy import Taxonomy, load_taxonomy
from core.text import title_key

PIECES = 40_000  # of English; each other language adds up to
PIECES_MORE = 4_000
SPECIAL = ("[PAD]", "[UNK]")
MATRYOSHKA = (DIMENSIONS, 64)
TEMPERATURE = 0.05
LEFT_OUT = 0.4  # of an abstract's pieces, anew each time: a paper is many pairs; of a title 0.1
HELD_OUT = 28  # one title in so many is for measuring
SEED = 0


@dataclass(frozen=True)
class Stage:
    """One run of the optimiser: Adam, learning rate falling to 0."""

    epochs: int
    batch: int  # papers
    chunk: int  # neighbours from one cluster
    clusters: int
    rate: float


STAGES = (
    Stage(epochs=7, batch=1792, chunk=128, clusters=300, rate=0.012),
    Stage(epochs=3, batch=3840, chunk=320, clusters=500, rate=0.006),
)
TRANSLATIONS = 256  # pairs of them in each batch


@dataclass(frozen=True)
class Ragged:
    """Piece numbers of texts, one after another: text i is ``flat[offsets[i]:offsets[i + 1]]``."""

    flat: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(
        self, rows: NDArray[np.intp], left_out: float, random: np.random.Generator
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the pieces of ``rows`` and where each row starts, some pieces left out."""
        starts = self.offsets[rows]
        sizes = self.offsets[rows + 1] - starts
        places = np.cumsum(sizes) - sizes
        pieces = self.flat[np.arange(sizes.sum()) - np.repeat(places - starts, sizes)]
        if left_out:
            kept = random.random(len(pieces), dtype=np.float32) >= left_out
            places = np.concatenate([[0], np.cumsum(kept)])[places]
            pieces = pieces[kept]
        return pieces, places


def read_corpus(folder: Path, gold: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return (title, abstract) of the papers to train on and of those held out.

    Each title once; the texts kept for acceptance in ``gold`` are left out.
    """
    import pyarrow.parquet as pq

    kept_out = acceptance(gold)
    seen: set[str] = set()
    train: list[tuple[str, str]] = []
    held_out: list[tuple[str, str]] = []
    for file in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(file, columns=["id", "title", "abstract"]).to_pylist():
            key = title_key(row["title"])
            if not row["abstract"] or len(row["abstract"]) < 100 or key in seen:
                continue
            seen.add(key)
            if row["id"] in kept_out or key in kept_out:
                continue
            draw = int.from_bytes(blake2b(key.encode(), digest_size=4).digest())
            (train if draw % HELD_OUT else held_out).append((row["title"], row["abstract"]))
    return train, held_out


def read_translations() -> list[tuple[str, str]]:
    """Return pairs of texts that mean the same, of the written texts and the glossaries."""
    pairs = []
    for file in sorted(EXEMPLARS.glob("news-*.jsonl")):
        for record in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            if is_held_out(record["id"]):
                continue
            title, text = record["title"], record["text"]
            pairs.append((title, text))
            if "title_en" in record:
                title_en, text_en = record["title_en"], record["text_en"]
                pairs += [(title, title_en), (text, text_en), (title, text_en)]
                pairs += [(title_en, text), (title_en, text_en)]
    for file in sorted((EXEMPLARS / "glossary").glob("*.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            english, others = line.split("\t")
            pairs += [(other.strip(), english) for other in others.split(";")]
    return pairs


def make_tokenizer(texts: Sequence[str], by_language: dict[str, list[str]]) -> Any:
    """Return a Unigram tokenizer (Kudo 2018): English pieces, then what other languages add."""
    pieces = _learn(texts, PIECES)
    for _, some in sorted(by_language.items()):
        for piece, score in _learn(some, PIECES_MORE).items():
            pieces.setdefault(piece, score - 1)
    for special in SPECIAL:
        pieces.pop(special, None)
    from tokenizers import models

    ordered = sorted(pieces.items(), key=lambda item: -item[1])
    return _shell(models.Unigram([(SPECIAL[0], 0.0), (SPECIAL[1], -30.0), *ordered], unk_id=1))


def _learn(texts: Sequence[str], size: int) -> dict[str, float]:
    from tokenizers import models, trainers

    tokenizer = _shell(models.Unigram())
    tokenizer.train_from_iterator(
        texts,
        trainers.UnigramTrainer(
            vocab_size=size,
            special_tokens=list(SPECIAL),
            unk_token=SPECIAL[1],
            max_piece_length=16,
            show_progress=False,
        ),
    )
    return dict(json.loads(tokenizer.to_str())["model"]["vocab"])


def _shell(model: Any) -> Any:
    """Return a tokenizer that splits and folds as ``classifiers.words`` does."""
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers

    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.Replace(Regex("[\u0300-\u036f\u0591-\u05c7]"), ""),
            normalizers.NFC(),
            normalizers.Lowercase(),
            normalizers.Replace("ß", "ss"),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\w+"), "removed", invert=True),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False),
        ]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def to_pieces(texts: Sequence[str], tokenizer: Any) -> Ragged:
    """Return the pieces of ``texts``."""
    words = Words.of([text[:4000] for text in texts])
    found = tokenizer.encode_batch_fast(words.vocabulary, add_special_tokens=False)
    sizes = np.fromiter((len(word) for word in found), np.int64, len(found))
    flat = np.fromiter((i for word in found for i in word.ids), np.int32, int(sizes.sum()))
    by_word = Ragged(flat, np.concatenate([[0], np.cumsum(sizes)]))
    pieces, _ = by_word.take(words.indices.astype(np.intp), 0, np.random.default_rng(SEED))
    ends = np.concatenate([[0], np.cumsum(sizes[words.indices])])
    return Ragged(pieces, ends[words.offsets])


class Trainer:
    """Learns the vectors of pieces from pairs of texts."""

    def __init__(self, pieces: int, seed: int = SEED) -> None:
        import torch

        torch.manual_seed(seed)
        self.random = np.random.default_rng(seed)
        self.bag = torch.nn.EmbeddingBag(pieces, DIMENSIONS, mode="mean")
        torch.nn.init.normal_(self.bag.weight, std=0.03)  # 1, the default, costs 0.06 in MRR

    def encode(self, texts: Ragged, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return float32 (rows, dimensions), of length 1."""
        import torch

        with torch.no_grad():
            parts = [
                self._embed([(texts, part)], 0).numpy()
                for part in np.array_split(rows, len(rows) // 4000 + 1)
            ]
        return unit(np.concatenate(parts))

    def run(
        self, stage: Stage, papers: tuple[Ragged, Ragged], translations: tuple[Ragged, Ragged]
    ) -> Iterator[float]:
        """Train; yield the mean loss of each epoch."""
        import torch

        optimizer = torch.optim.Adam(
            self.bag.parameters(), lr=stage.rate, betas=(0.9, 0.99), eps=1e-10
        )
        steps = stage.epochs * (len(papers[0]) // stage.batch)
        step = 0
        for epoch in range(stage.epochs):
            order = self._order(papers[0], stage, clustered=epoch > 0)
            losses = []
            for start in range(0, len(order) - stage.batch + 1, stage.batch):
                warm = min(1, (step + 1) / (0.03 * steps))
                optimizer.param_groups[0]["lr"] = stage.rate * warm * max(1 - step / steps, 0)
                loss = self._loss(papers, order[start : start + stage.batch], translations)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
                step += 1
            yield float(np.mean(losses))

    def _loss(
        self,
        papers: tuple[Ragged, Ragged],
        rows: NDArray[np.intp],
        translations: tuple[Ragged, Ragged],
    ) -> Any:
        import torch
        from torch.nn.functional import cross_entropy, normalize

        more = self.random.integers(0, len(translations[0]), TRANSLATIONS)
        left = self._embed([(papers[0], rows), (translations[0], more)], 0.1)
        right = self._embed([(papers[1], rows), (translations[1], more)], LEFT_OUT)
        own = torch.arange(len(left))
        drawn = torch.from_numpy(np.concatenate([-1 - np.arange(len(rows)), more]))
        twice = (drawn[:, None] == drawn[None, :]) & ~torch.eye(len(drawn), dtype=torch.bool)
        loss = torch.zeros(())
        for size in MATRYOSHKA:
            near = normalize(left[:, :size], dim=1) @ normalize(right[:, :size], dim=1).T
            near = (near / TEMPERATURE).masked_fill(twice, -1e4)
            loss = loss + (cross_entropy(near, own) + cross_entropy(near.T, own)) / 2
        return loss

    def _embed(self, parts: list[tuple[Ragged, NDArray[np.intp]]], left_out: float) -> Any:
        import torch

        pieces, places, total = [], [], 0
        for texts, rows in parts:
            some, starts = texts.take(rows, left_out, self.random)
            pieces.append(some)
            places.append(starts + total)
            total += len(some)
        return self.bag(
            torch.from_numpy(np.concatenate(pieces).astype(np.int64)),
            torch.from_numpy(np.concatenate(places)),
        )

    def _order(self, titles: Ragged, stage: Stage, *, clustered: bool) -> NDArray[np.intp]:
        count = len(titles)
        if not clustered or count < stage.batch * 10:
            return self.random.permutation(count)
        from sklearn.cluster import MiniBatchKMeans

        vectors = self.encode(titles, np.arange(count))[:, : MATRYOSHKA[-1]]
        found = MiniBatchKMeans(
            stage.clusters, batch_size=8192, max_iter=8, n_init=1, random_state=SEED
        ).fit(vectors)
        order = np.lexsort((self.random.random(count), found.labels_))
        chunks = order[: count // stage.chunk * stage.chunk].reshape(-1, stage.chunk)
        return np.asarray(chunks[self.random.permutation(len(chunks))].ravel())


def reciprocal_rank(titles: NDArray[np.float32], abstracts: NDArray[np.float32]) -> float:
    """Return the mean reciprocal rank of each title's own abstract among all: rows of length 1."""
    ranks = [
        (near > near[np.arange(len(near)), start + np.arange(len(near))][:, None]).sum(axis=1) + 1
        for start in range(0, len(titles), 1000)
        if (near := titles[start : start + 1000] @ abstracts.T) is not None
    ]
    return float(np.mean(1 / np.concatenate(ranks)))


def save(vectors: NDArray[np.float32], tokenizer: Any, folder: Path) -> None:
    """Write the model the way model2vec and sentence-transformers read it.

    One byte a number and a scale for each piece; the vectors' mean cosine to the full ones is
    0.99995.
    """
    from model2vec import StaticModel

    kept = vectors.copy()
    kept[[tokenizer.token_to_id(special) for special in SPECIAL]] = 0
    scale = np.abs(kept).max(axis=1) / 127
    numbers = np.round(kept / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8)
    model = StaticModel(
        numbers, tokenizer, normalize=True, weights=scale.astype(np.float32), max_length=None
    )
    model.save_pretrained(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on everything there is, write the model and print its scores."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train_embedding")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--gold", type=Path, required=True, help="its unlabelled texts stay out")
    parser.add_argument("--output", type=Path, default=MODEL, help="folder for the model")
    parser.add_argument("--config", type=Path, default=Path("config"), help="has taxonomy.yaml")
    given = parser.parse_args(arguments)
    train, held_out = read_corpus(given.corpus, given.gold)
    translations = read_translations()
    tokenizer = make_tokenizer(*_vocabulary(train, load_taxonomy(given.config)))
    papers, unseen, pairs = (
        (to_pieces([a for a, _ in some], tokenizer), to_pieces([b for _, b in some], tokenizer))
        for some in (train, held_out, translations)
    )
    trainer = Trainer(tokenizer.get_vocab_size())
    begun = monotonic()
    rows = np.arange(len(held_out))
    for stage in STAGES:
        for loss in trainer.run(stage, papers, pairs):
            titles, abstracts = (trainer.encode(texts, rows) for texts in unseen)
            mrr = reciprocal_rank(titles, abstracts)
            sys.stdout.write(f"{monotonic() - begun:6.0f} s  loss {loss:.3f}  MRR {mrr:.4f}\n")
            sys.stdout.flush()
    save(trainer.bag.weight.detach().numpy(), tokenizer, given.output)
    digest = sha256(json.dumps([train, translations], ensure_ascii=False).encode()).hexdigest()
    sys.stdout.write(f"{len(train):,} papers, {len(translations):,} translations, data {digest}\n")
    return 0


def _vocabulary(
    papers: Sequence[tuple[str, str]], taxonomy: Taxonomy
) -> tuple[list[str], dict[str, list[str]]]:
    """Return the English texts, and by language the others, from which pieces are learnt."""
    english = [f"{title} {abstract}" for title, abstract in papers[::3]]
    others: dict[str, list[str]] = {}
    for file in sorted(EXEMPLARS.glob("news-*.jsonl")):
        for record in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            if record["language"] == "en":
                english += [f"{record['title']} {record['text']}"] * 3
            else:
                others.setdefault(record["language"], []).append(
                    f"{record['title']} {record['text']}"
                )
    for file in sorted((EXEMPLARS / "glossary").glob("*.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            term, forms = line.split("\t")
            english.append(term)
            others.setdefault(file.stem, []).extend(forms.split(";"))
    for label in taxonomy.labels.values():
        for language, phrases in label.phrases.items():
            some = english if language == "en" else others.setdefault(language, [])
            some += [phrase.replace("*", "") for phrase in phrases]
    return english, others


if __name__ == "__main__":
    sys.exit(main())
