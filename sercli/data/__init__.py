"""What a corpus is made of: utterances, emotions, sound files, and digests. May import `errors` and `text` only."""
