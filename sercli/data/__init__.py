"""What a corpus is made of: utterances, emotions, sound files."""
