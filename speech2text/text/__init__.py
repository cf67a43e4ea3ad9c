"""Text: normalised spelling, pieces of it as tokens, transcripts and their file formats."""
