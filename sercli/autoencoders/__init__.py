"""Autoencoders: segments of speech to latents and back. Each module here is one, found by its file name; a package of its own
adds one by an entry point of the group `sercli.autoencoders`. May import from `learning`, `config`, `errors`.

A plug-in is one file:

- its docstring says what it is and where it comes from;
- `Config`: a frozen dataclass of all options, by the rules of `sercli.plugins`: defaults are literals, annotations are
  written out, and it may inherit from another plug-in's `Config`. `__post_init__` raises SercliError for values that cannot
  work (`sercli.config.check_range`, `base.check_hidden`);
- `Model(n_inputs, latent_dim, n_categories, config)`: a subclass of `base.AutoencoderModel`, which says what `losses`, `encode`
  and `reconstruct` take and give. Class attributes, as literals: `uses_labels`, whether training reads labels (categories
  of the training part), and `has_std`, whether `encode` gives a standard deviation.

`encode` reads no label unless the condition is `oracle`: the label of a test utterance is the answer. It is given the segments of
one utterance at a time, so that no latent depends on another utterance. Each segment is encoded by itself; a condition that
needs the whole utterance says by `evidence` what is summed over its segments (a long utterance comes in runs). Random numbers
are drawn from the `generator` alone. The tests in `tests/contract/test_autoencoders.py` hold
every plug-in to this.
"""
