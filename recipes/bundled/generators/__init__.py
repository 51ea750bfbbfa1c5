"""Training rows that are made by rule, so that every answer is right.

Each file has one subject and a pure function `generate(random)` that returns a row in OpenAI's
form; `table.py` names them all. Beside them stand the words they draw from.
"""
