"""Learning: segments, normalisation, batches, what a classifier reads, training, and files of weights.

`segments`, `options` and `inputs` load without torch. May import: data, formats, config, errors, text. Knows no store, no task
and no plug-in.
"""
