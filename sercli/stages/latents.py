"""What the latents of autoencoders keep, label-free, for `sercli report`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.utterances import read_table
from ..evaluation import diagnostics as science
from ..experiments.catalogue import Catalogue
from ..experiments.fitted import FittedAutoencoder, read_autoencoder
from ..experiments.making import FITTING, Work, report_fraction
from ..experiments.systems import Autoencoder, Classifier
from ..store import keys, publishing
from ..store.store import Store

if TYPE_CHECKING:
    import torch

    from ..learning.batches import Speech
    from ..learning.segments import SegmentShape
    from ..store.ragged import Ragged

LOADED = [*FITTING, "sklearn.linear_model", "sklearn.manifold", "scipy.stats"]
MOST = 2000  # utterances of an autoencoder
FOUND = "diagnostics.json"
SHOWN = (0.05, 0.5, 0.95)  # quantiles of the squared error: a good, a median and a bad segment


@dataclass
class _Seen:
    """What one fold's autoencoder makes of the utterances, in the order of the store."""

    utt_ids: list[str] = field(default_factory=list)
    latents: list[Any] = field(default_factory=list)  # (Z,): an utterance's mean
    features: list[Any] = field(default_factory=list)  # (F,): the same of its normalised frames
    means: list[Any] = field(default_factory=list)  # of dev segments, (M, Z)
    stds: list[Any] = field(default_factory=list)
    errors: dict[str, list[tuple[str, int, float, float]]] = field(default_factory=lambda: {"dev": [], "test": []})
    """Of dev, and of the fold that is shown of test: utterance, which of its segments, squared error per feature, and that of
    answering the training mean."""

    def rows(self, what: str, utt_ids: Sequence[str]) -> Any:
        index = {utt_id: row for row, utt_id in enumerate(self.utt_ids)}
        return np.stack([getattr(self, what)[index[utt_id]] for utt_id in utt_ids])


def work(autoencoder: Autoencoder, numbers: Sequence[int]) -> Work:
    """The diagnostics of an autoencoder over these folds, to be made."""
    return Work(autoencoder.diagnostics(numbers), diagnose, (autoencoder.store.path, autoencoder.name, tuple(numbers)))


def read(store: Store, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.file(keys.diagnostics(name), FOUND).read_text(encoding="utf-8"))
    return found


def histories(system: Autoencoder | Classifier, numbers: Sequence[int]) -> dict[int, list[dict[str, float]]]:
    """Losses of each epoch, of each fold."""
    return {
        number: [{key: float(value) for key, value in row.items()} for row in read_table(system.history(number))]
        for number in numbers
    }


def diagnose(store_path: Path, name: str, numbers: Sequence[int], built: Path, device: str) -> None:
    """Write `diagnostics.json` of one autoencoder into `built`."""
    from threadpoolctl import threadpool_limits

    from ..learning.training import repeatable
    from ..report.pictures import of_latents

    autoencoder = Catalogue(Store(store_path)).autoencoder(name)
    with threadpool_limits(1), repeatable(device):  # the same bits whoever else is at work
        diagnosis = _Diagnosis(autoencoder, numbers, device)
        found = diagnosis.run(built)
        found["pictures"] = of_latents(found, diagnosis.histories, diagnosis.target)
    (built / FOUND).write_text(json.dumps(found) + "\n", encoding="utf-8")


class _Diagnosis:
    def __init__(self, autoencoder: Autoencoder, done: Sequence[int], device: str) -> None:
        from ..experiments.inputs import segment_shape

        self.autoencoder, self.name, self.done, self.device = autoencoder, autoencoder.name, done, device
        self.store, self.folds, self.config = autoencoder.store, autoencoder.folds, autoencoder.config
        self.source: Ragged = autoencoder.features.open()
        self.shape: SegmentShape = segment_shape(self.source, self.config.segment_shift_ms)
        told, known = autoencoder.task.categories
        self.told = {utt_id: told.index(label) for utt_id, label in known.items()}
        self.about = {u.utt_id: u for u in self.store.utterances}
        self.target = autoencoder.task.definition.target
        self.histories = histories(autoencoder, done)
        kept = {number: _kept(rows) for number, rows in self.histories.items()}
        self.shown = science.lower_median({number: row["dev_loss"] for number, row in kept.items()})

    def run(self, built: Path) -> dict[str, Any]:
        from ..experiments.inputs import usable

        per_fold, said = [], _Probes()
        result: dict[str, Any] = {}
        for position, number in enumerate(self.done):
            fitted = self._fitted(number)
            seen = self._look(fitted, number)
            per_fold.append({**self._fold(fitted, seen, number), **self._epochs(number)})
            parts = self.folds.fold(number).parts
            said.fold(seen, parts, {self.target: self.folds.labels, "gender": self._who("gender")})
            if number == self.shown:
                result |= {"segments": self._segments(fitted, seen), "map": self._map(seen, parts)}
                said.speakers(seen, parts, self._who("speaker"))
            report_fraction(built, (position + 1) / len(self.done))
        return {
            "autoencoder": self.name,
            "shown": self.shown,
            "utterances": len(result["map"]["utt_id"]),
            "of": len(usable(self.source, list(self.folds.fold(self.shown).parts))),
            "n_inputs": self.shape.size * self.source.width("frames"),
            "segment_ms": self.shape.size_ms,
            "per_fold": per_fold,
            **result,
            "probes": said.scores(self._who("speaker")),
        }

    def _fitted(self, number: int) -> FittedAutoencoder:
        return read_autoencoder(self.autoencoder.weights(number), self.device)

    def _who(self, column: str) -> dict[str, str]:
        return {utt_id: getattr(u, column) for utt_id, u in self.about.items()}

    def _chosen(self, number: int) -> list[str]:
        """Of each part every k-th in C order, so that about 2 000 are looked at; those that have frames."""
        from ..experiments.inputs import usable

        fold = self.folds.fold(number)
        found = [usable(self.source, fold.part(part)) for part in ("train", "dev", "test")]
        step = -(-sum(map(len, found)) // MOST)
        return [utt_id for part in found for utt_id in part[::step]]

    def _look(self, fitted: FittedAutoencoder, number: int) -> _Seen:
        from ..experiments.inputs import Normaliser, blocks

        normaliser = Normaliser(self.autoencoder, self.source, fitted.trained)
        parts = self.folds.fold(number).parts
        in_store = self._latents_in_store(number)
        seen = _Seen()
        for block in blocks(self.source, self._chosen(number)):
            speech = normaliser.read(block)
            means, stds = self._latents(fitted, speech, in_store)
            for utt_id, a, b in zip(speech.utt_ids, speech.offsets[:-1], speech.offsets[1:], strict=True):
                seen.utt_ids.append(utt_id)
                seen.features.append(speech.frames[a:b].mean(axis=0, dtype=np.float64))
            view, starts, counts = speech.segments(self.shape)
            edges = np.concatenate([[0], np.cumsum(counts)])
            for utt_id, a, b in zip(speech.utt_ids, edges[:-1], edges[1:], strict=True):
                seen.latents.append(means[a:b].mean(axis=0, dtype=np.float64))
                if parts[utt_id] == "dev":
                    seen.means.append(means[a:b])
                    seen.stds.append(stds[a:b])
                if parts[utt_id] == "dev" or (parts[utt_id] == "test" and number == self.shown):
                    x = view[starts[int(a) : int(b)]]
                    off = (x - self._reconstructed(fitted, x, utt_id)).square().mean(1).tolist()
                    none = x.square().mean(1).tolist()
                    errors = [(utt_id, k, *one) for k, one in enumerate(zip(off, none, strict=True))]
                    seen.errors[parts[utt_id]] += errors
        return seen

    def _latents_in_store(self, number: int) -> Ragged | None:
        product = self.autoencoder.latents(number)
        return self.store.ragged(product.key) if publishing.is_fresh(self.store, product) else None

    def _latents(self, fitted: FittedAutoencoder, speech: Speech, in_store: Ragged | None) -> tuple[Any, Any]:
        """Means and standard deviations (M, Z) of all segments, those of the store or, bit for bit the same, computed anew."""
        from ..experiments.inputs import encoded

        names = ("mean", "std") if fitted.model.has_std else ("mean",)
        if in_store is not None:
            rows, _ = in_store.rows(names, speech.utt_ids)
            found = np.split(rows, len(names), axis=1)
        else:
            condition = self.config.condition(None)
            pieces = list(encoded(fitted.model, speech, self.shape, condition, {}, self.device))
            found = [np.concatenate([piece[name] for piece in pieces]) for name in names]
        return found[0], found[-1]

    def _reconstructed(self, fitted: FittedAutoencoder, x: torch.Tensor, utt_id: str) -> torch.Tensor:
        """As in training: a model that sees labels is told the true one."""
        import torch

        told = torch.full((len(x),), self.told.get(utt_id, -1), dtype=torch.int64)
        with torch.inference_mode():
            return fitted.model.reconstruct(x.to(self.device), told.to(self.device)).float().cpu()

    def _fold(self, fitted: FittedAutoencoder, seen: _Seen, number: int) -> dict[str, Any]:
        """Errors, active units and KL on the fold's dev part."""
        error, of_mean = np.mean([one[2:] for one in seen.errors["dev"]], axis=0).tolist()
        means, stds = np.concatenate(seen.means), np.concatenate(seen.stds)
        active = science.active_units(means) if fitted.model.has_std else None
        kl = science.kl_of_units(means, stds) if fitted.model.has_std else np.empty(0)
        return {
            "fold": number,
            "segments": len(means),
            "error": error,
            "error_of_mean": of_mean,
            "active": active,
            "kl": np.round(kl, 5).tolist(),
            "judgement": science.judge(active, self.config.latent_dim, error, of_mean),
        }

    def _epochs(self, number: int) -> dict[str, int]:
        rows = self.histories[number]
        return {"kept": int(_kept(rows)["epoch"]), "epochs": len(rows)}

    def _segments(self, fitted: FittedAutoencoder, seen: _Seen) -> list[dict[str, Any]]:
        """Test segments beside their reconstruction, (S, F) both, in standard deviations of each feature; none where
        `featurize` has set the whole test part aside."""
        from ..experiments.inputs import Normaliser

        errors = seen.errors["test"]
        if not errors:
            return []
        normaliser = Normaliser(self.autoencoder, self.source, fitted.trained)
        found = []
        for share, index in zip(SHOWN, science.at_quantiles([one[2] for one in errors], SHOWN), strict=True):
            utt_id, k, error, _ = errors[index]
            view, starts, _ = normaliser.read([utt_id]).segments(self.shape)
            x = view[starts[k : k + 1]]
            pair = [x, self._reconstructed(fitted, x, utt_id)]
            original, copy = (np.round(one.numpy().reshape(self.shape.size, -1), 2).tolist() for one in pair)
            found.append({"quantile": share, "utt_id": utt_id, "segment": k, "error": error})
            found[-1] |= {"original": original, "reconstruction": copy}
        return found

    def _map(self, seen: _Seen, parts: Mapping[str, str]) -> dict[str, Any]:
        train = seen.rows("latents", [utt_id for utt_id in seen.utt_ids if parts[utt_id] == "train"])
        everyone = np.stack(seen.latents)
        pca = science.principal(train, everyone)
        return {
            "utt_id": seen.utt_ids,
            "part": [parts[utt_id] for utt_id in seen.utt_ids],
            "label": [self.folds.labels[utt_id] for utt_id in seen.utt_ids],
            "speaker": [self.about[utt_id].speaker for utt_id in seen.utt_ids],
            "pca": pca and pca[0],
            "explained": pca and pca[1],
            "tsne": science.neighbours(train, everyone),
        }


class _Probes:
    """What linear classifiers say of each fold's test part, from latents and from the features themselves."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, str], list[tuple[str, str, str]]] = {}  # utterance, truth, answer
        self.found: dict[str, dict[str, Any]] = {"speaker": {}}

    def fold(self, seen: _Seen, parts: Mapping[str, str], questions: Mapping[str, Mapping[str, str]]) -> None:
        for question, truth in questions.items():
            known = [utt_id for utt_id in seen.utt_ids if truth.get(utt_id)]
            train, test = ([u for u in known if parts[u] == part] for part in ("train", "test"))
            for source in ("latents", "features") if train and test else ():
                labels = [truth[utt_id] for utt_id in train]
                answers = science.probe(seen.rows(source, train), labels, seen.rows(source, test))
                rows = [(utt_id, truth[utt_id], answer) for utt_id, answer in zip(test, answers, strict=True)]
                self.said.setdefault((question, source), []).extend(rows)

    def speakers(self, seen: _Seen, parts: Mapping[str, str], speaker: Mapping[str, str]) -> None:
        train = [utt_id for utt_id in seen.utt_ids if parts[utt_id] == "train"]
        who = [speaker[utt_id] for utt_id in train]
        for source in ("latents", "features"):
            found = science.probe_of_speakers(seen.rows(source, train), who)
            if found is not None:
                self.found["speaker"][source] = found

    def scores(self, speaker: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """By question and source; a question with one answer only is left out."""
        for (question, source), rows in self.said.items():
            utt_ids, truth, answers = (list(column) for column in zip(*rows, strict=True))
            if len(set(truth)) > 1:
                scored = science.score_probe(truth, answers, [speaker[utt_id] for utt_id in utt_ids])
                self.found.setdefault(question, {})[source] = scored
        return {question: found for question, found in self.found.items() if found}


def _kept(history: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    return next(row for row in history if row["best"])
