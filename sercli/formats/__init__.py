"""File formats of other programs: CSV and TSV tables, Kaldi archives. May import `errors` and `text` only."""
