"""How the model that comes with Mini-Claude is made. Start with `recipe.toml`, then `train.py`."""
