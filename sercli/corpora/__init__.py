"""Corpus readers: one module per corpus, found by file name. `base.py` holds what they share and how they are called.

A reader is a module that may import `data`, `formats`, `config`, `errors`, `text` and `corpora.base`. It never opens a sound file.
Its docstring is the corpus card: a paragraph on the corpus, a line `Size: …` for each of `base.FIELDS`, and notes. It has

- `TASK`: the default task, a dictionary of options of `Task`;
- `EXAMPLE`: file names of the corpus, each with `speaker emotion` for a sound file and the content for a text file. The contract
  tests build this corpus and read it;
- if file names hold the labels: `NAME`, a regular expression of a path without its ending; `FORM`, one such name and its parts,
  for messages; and `utterance(match, path) -> Utterance`, which raises ValueError with the reason for a name that it rejects;
- otherwise: `recognises(folder) -> bool`, which reads only names and the heads of tables; and `scan(folder) -> Scan`, which
  returns every utterance with its labels, and every other file or row with the reason; also the votes of single raters, where the
  corpus has them (`Scan.ratings`; `ingest` brings them to the terms of `sercli.data.ratings`). It raises SercliError if there is
  nothing;
- optionally: `COUNTS`, emotion -> utterances of the complete release, or `counts(utterances) -> list[Count]` for other published
  counts; and `nearly(folder) -> str`, what is missing in a folder that is almost such a corpus.

Where names tell which sentence is spoken, `Utterance.extra` has a column `sentence`: scores are marked TEXT-SHARED by it.

A function takes precedence over a declaration: a reader with `NAME` and `scan` is recognised by names, and scanned by `scan`.
"""
