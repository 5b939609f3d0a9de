"""Files for other programs: Kaldi's data directories, CSV and Parquet. It may import `store`, `formats` and below."""
