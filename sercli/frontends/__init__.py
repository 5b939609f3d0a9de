"""Front ends: the frames of an utterance. Each module but `base` is one, found by its file name, and holds two classes.

- `Config`: a frozen dataclass of all options, by the rules of `sercli.plugins`: defaults are literals, annotations are
  written out, and it may inherit from another front end's `Config`. It is stored with the array, and `__post_init__` raises
  SercliError, with the option as `place`, for values that cannot work.
- `Extractor(config, device="cpu")`, which makes frames of sound, or `Source(config, path)`, which reads frames that were
  made elsewhere. `base` has their protocols.

The frames of an utterance depend on its samples and the configuration only: not on other utterances, earlier calls, other
threads or the place of the samples in memory. Memory beyond samples and frames does not grow with the utterance. If a
front end `is_local`, a frame depends on the `min_samples` samples from its start only, so that the frames of a piece are
a piece of the frames.

They may import `learning`, `formats`, `config` and `errors`.
"""
