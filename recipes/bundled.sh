#!/usr/bin/env bash
# The bundled model from text to card: vocabulary, pretraining, chat tuning, int8, evaluation, card.
#
#   recipes/bundled.sh DATA_FOLDER [RUN_FOLDER]      the whole of it: minutes of training on a GPU
#   RECIPE=recipes/bundled/cpu.toml recipes/bundled.sh DATA_FOLDER     a smaller model: hours on two cores
#   SCALE=0.01 recipes/bundled.sh DATA_FOLDER        all of it in little, for a check
#   START=MODEL_FOLDER recipes/bundled.sh DATA_FOLDER     go on from a model that it has made
#   MINUTES=10 recipes/bundled.sh DATA_FOLDER        train for ten minutes; exit 75: call it again
#
# Stop it whenever you like: the same command goes on from the last checkpoint.
set -euo pipefail
cd "$(dirname "$0")/.."
recipe=${RECIPE:-recipes/bundled/recipe.toml}
data=${1:?"usage: recipes/bundled.sh DATA_FOLDER [RUN_FOLDER]"}
run=${2:-runs/bundled${RECIPE:+-$(basename "$RECIPE" .toml)}}
python=${PYTHON:-.venv/bin/python}
suite=miniclaude/evaluation/suites/bundled
home=$run/home
mini() { "$python" -c "from miniclaude.cli.main import main; main()" "$@" --home "$home"; }

"$python" -m recipes.bundled.train "$data" --recipe "$recipe" --run "$run" --against "$suite" \
  --scale "${SCALE:-1}" --minutes "${MINUTES:-0}" ${START:+--start "$START"}
[ -d "$home/models/trained" ] || mini pull --from "$run/model" --name trained
for bits in int8 int4; do
  [ -d "$home/models/trained-$bits" ] || mini models quantize trained --to "$bits"
done
for model in trained trained-int8 trained-int4; do
  mini eval --model "$model" --suite bundled --out "$run/$model.json" --replies "${REPLIES:-500}"
done
mini eval --model trained --transcript "$run/scripts.md"
mini eval --model trained --suite recipes/bundled/newcomer.jsonl --transcript "$run/newcomer.md" --sampled
"$python" -m recipes.bundled.card "$run" --recipe "$recipe" \
  --report "$run/trained.json" "$run/trained-int8.json" "$run/trained-int4.json" \
  --transcript "$run/newcomer.md" --to "$run/card.md"
