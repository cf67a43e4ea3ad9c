"""References and hypotheses in, error rates and reports out; no model runs here."""
