"""Search: from a listener's memory and a speller to tokens, with their scores and frames. NumPy only."""
