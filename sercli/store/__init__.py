"""The store: one directory for one corpus and all that is made from it.

`keys` spells where each product lies, `locations` and `store` read products and facts of the corpus, `publishing` makes
products appear whole or not at all and knows whether they are stale, `ragged` holds arrays of utterances in Zarr.
May import: learning, data, formats, config, errors, text. Knows no task, no model and no command line.
"""
