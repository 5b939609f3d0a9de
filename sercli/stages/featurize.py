"""`sercli featurize`: sound files, or features made elsewhere, become the array `arrays.zarr/features/<name>`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import assignments, build
from ..errors import UsageError
from ..experiments.extraction import check_audio, extract
from ..experiments.features import report_rejects
from ..experiments.importing import ImportedFrames, publish_imported, scan
from ..experiments.making import Outcome, Settings, plan
from ..experiments.sources import Features, Sources
from ..frontends.base import Source
from ..store import publishing
from ..store.locations import check_name
from ..store.store import Store


@dataclass(frozen=True, kw_only=True)
class FeaturizeOptions:
    """Which features to make, and from what."""

    frontend: str = "logmel"
    name: str | None = None  # of the array; the front end's name by default
    assignments: Sequence[str] = ()  # `key=value` for the front end
    source: Path | None = None  # the features, for a front end that reads them
    sound_root: Path | None = None  # the folder of the sound files, if they moved since `ingest`
    max_rejects: float = 0.1  # how many utterances may be skipped: a share below 1, or a count


def run(store_path: Path, options: FeaturizeOptions, settings: Settings) -> Outcome:
    """Bring one array of features up to date.

    Raises SercliError for audio that changed since `ingest`, and, after the array is published, for too many skipped
    utterances; UsageError for options that the front end does not have.
    """
    store = Store(store_path)
    frontend, name = options.frontend, check_name(options.name or options.frontend)
    config: Any = build(plugins.config_class("frontends", frontend), assignments(options.assignments), frontend)
    features = Features(Sources(store), name, {"frontend": frontend, **vars(config)})
    root = options.sound_root or store.sound_root
    imported = None
    if plugins.defines("frontends", frontend, "Source"):
        imported = _scan(features, options.source, settings)
        if imported is not None:
            features = Features(features.sources, name, features.config, imported.digest)
    elif options.source is not None:
        readers = [other for other in plugins.names("frontends") if plugins.defines("frontends", other, "Source")]
        fix = f"leave out --from, or choose --frontend {', '.join(readers)}"
        raise UsageError("reads sound files, not features", place=frontend, seen=f"--from {options.source}", fix=fix)
    else:
        check_audio(store, root)
    product = features.product
    outcome = Outcome(name, str(store.path / product.key))
    todo = plan(store, outcome, [product], settings)
    if todo:
        _config(features)  # a dry run refuses what the run would refuse
    if settings.dry_run:
        return outcome
    if todo:
        with publishing.lock(store.path, product.key):
            if not settings.overwrite and publishing.finish_publishing(store, product):
                pass  # a killed command had made it
            elif imported is None:
                extract(store, product, root, settings)
            else:
                publish_imported(store, product, imported)
    report_rejects(store, name, options.max_rejects)
    return outcome


def _config(features: Features) -> Any:
    """The configuration as the front end's own class, which refuses what cannot work."""
    return build(plugins.load("frontends", features.frontend).Config, features.options, features.frontend)


def _scan(features: Features, path: Path | None, settings: Settings) -> ImportedFrames | None:
    """What lies at `path`; None without one if the array is up to date. Raises UsageError if it is not."""
    store, frontend = features.store, features.frontend
    config = _config(features)
    is_fresh = publishing.is_fresh(store, features.product)  # raises for a name that is taken
    if path is not None:
        source: Source = plugins.load("frontends", frontend).Source(config, path)
        return scan(store, source, path)
    if is_fresh and not settings.overwrite:
        return None
    fix = features.product.command
    raise UsageError("reads features made elsewhere", place=frontend, expected="--from PATH", fix=fix)
