#!/usr/bin/env bash
# The bundled model from text to card: vocabulary, pretraining, chat tuning, preferences,
# evaluation, int8.
#
#   recipes/bundled.sh DATA_FOLDER [RUN_FOLDER]      the whole of it: hours on two cores
#   SCALE=0.01 recipes/bundled.sh DATA_FOLDER        all of it in little, for a check
#   MINUTES=10 recipes/bundled.sh DATA_FOLDER        train for ten minutes; exit 75: call it again
#
# Stop it whenever you like: the same command goes on from the last checkpoint.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?"usage: recipes/bundled.sh DATA_FOLDER [RUN_FOLDER]"}
run=${2:-runs/bundled}
python=${PYTHON:-.venv/bin/python}
suite=miniclaude/evaluation/suites/bundled

"$python" -m recipes.bundled.train "$data" --run "$run" --against "$suite" \
  --scale "${SCALE:-1}" --minutes "${MINUTES:-0}"
"$python" -m miniclaude.cli.main models quantize "$run/model" --bits 8 --to "$run/model-int8"
for model in model model-int8; do
  "$python" -m miniclaude.cli.main eval --model "$run/$model" --suite bundled \
    --out "$run/$model.eval.json" --replies "${REPLIES:-500}"
done
"$python" -m miniclaude.cli.main eval --model "$run/model-int8" --transcript "$run/transcript.md"
