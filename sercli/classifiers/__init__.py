"""Classifiers: what gives an utterance a class. Each module here is one, found by its file name; a package of its own adds
one by an entry point of the group `sercli.classifiers`. May import from `learning`, `config`, `errors`.

A plug-in is one file:

- its docstring says what it is and where it comes from;
- `INPUT`: what it reads, a word of `sercli.learning.inputs.INPUTS`:

  | `INPUT`                | steps (T, D) that the model is given                         | options                      |
  |------------------------|--------------------------------------------------------------|------------------------------|
  | "segments"             | all segments of 100 ms                                       |                              |
  | "frames"               | all frames                                                   |                              |
  | "crops"                | the first frames, as many for all: cut, or padded and masked | `CropOptions`                |
  | "functionals"          | one vector of statistics over the frames, in float64         | `FunctionalOptions`          |
  | "latents and features" | latents of all segments beside their features                |                              |
  | "dialogue"             | functionals of the utterance and its neighbours in time      | `DialogueOptions`            |

  With an autoencoder (`--ae`) all of them read the latents of segments in place of segments or frames; "latents and
  features" needs one. Rows are standardised by the training part before they become steps;
- `TRAINING` (optional): a literal dict of the training options (`sercli.learning.options.TrainingConfig`) whose defaults
  differ, such as `{"batch_size": 16, "patience": 5}`;
- `CLOSED_FORM = True` (optional): the fit draws nothing at random, so that no seed changes it. Its seeds are one fit, without ±;
- `Config`: a frozen dataclass of all options, by the rules of `sercli.plugins`: defaults are literals, annotations are
  written out, base classes are found in the source. It inherits from the options of its input, and from `NeuralOptions` if
  the model is a `NeuralClassifier`. `__post_init__` calls that of `super()` and raises SercliError for values that cannot
  work (`sercli.config.check_range`);
- `Model(n_features, n_classes, config)`: a subclass of `base.NeuralClassifier` (trained by gradient descent) or of
  `base.ClassifierModel` (anything else), with

  - `forward(steps (B, T, D), lengths (B,))` -> logits (B, C). Steps beyond an utterance's length are padding and may hold
    anything: they must change no answer;
  - `losses` (optional): other losses than the cross-entropy; draws are made from its `generator`;
  - `takes_soft_labels` (optional): a literal; whether `--soft-labels` may train it on the share of each class among the raters
    (`labels` (B, C) in place of (B,) in training, not on dev). True for a `NeuralClassifier` unless its `losses` cannot do it;
  - `fit` (optional, but not for a `ClassifierModel`): returns one row per epoch with `epoch` and `best`; without dev it runs all
    epochs. It reads neither files nor test utterances, and the same seed gives the same bits;
  - `from_state` (optional): where the sizes of tensors depend on training. What must come back from the file is a parameter
    or buffer;
  - `dtype` (optional): of the steps, where it is not float32.

The tests in `tests/contract/test_classifiers.py` hold every plug-in to this; `tests/support/plugins` has examples.
"""
