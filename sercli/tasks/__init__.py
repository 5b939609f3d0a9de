"""The question asked of a corpus, and the folds that answer it."""
