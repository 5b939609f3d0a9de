"""Training, without knowledge of speech or stores."""
