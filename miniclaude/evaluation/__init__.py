"""Whether a model got better: perplexity, overlap, before and after."""
