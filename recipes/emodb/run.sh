#!/usr/bin/env bash
# EMO-DB, leave-one-speaker-out: AE-, VAE- and CVAE-LSTM and two baselines on four classes and on all seven, three seeds.
#
# usage: bash recipes/emodb/run.sh EMODB_FOLDER [STORE] [--stage N] [--stop-stage N]
#
#   1 ingest, features, folds      4 four classes, speaker-normalised      7 seven classes, the paper's Adam
#   2 four classes                 5 four classes, VAE in float32          8 seven classes, speaker-normalised
#   3 the same, the paper's Adam   6 seven classes                         9 scores: RESULTS.md in the store
#   10 report: report/report.html in the store   11 a bundle that labels new recordings: STORE-bundle
#
# Stages may be run apart and again: what is made is kept. STORE is emodb by default, and takes about 8 GB;
# the variable SEEDS chooses the seeds (0 1 2).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$project/recipes/setup.sh"
recipe_options EMODB_FOLDER '[STORE]' -- "$@"
corpus=${arguments[0]}
store=${arguments[1]:-emodb}
conf=$here/conf
seeds=${SEEDS:-0 1 2}
sercli_setup

# One autoencoder and its LSTM: task variant model seed [options of train-ae]
autoencoder_lstm() {
    local name=$1.$3${2:+.$2}.seed-$4 task=$1 model=$3 seed=$4 betas=()
    shift 4
    [ "$model" = ae ] || betas=(--config "$conf/vae.yaml")
    sercli train-ae "$store" --task "$task" --model "$model" --seed "$seed" --name "$name" "${betas[@]}" "$@"
    sercli encode "$store" --ae "$name"
    sercli train-lstm "$store" --ae "$name" --name "$name.lstm" --config "$conf/lstm.yaml"
}

# The LSTM straight on LogMel segments: task variant seed [options]
logmel_lstm() {
    local name=$1.logmel${2:+.$2}.seed-$3.lstm task=$1 seed=$3
    shift 3
    sercli train-lstm "$store" --task "$task" --seed "$seed" --name "$name" --config "$conf/lstm.yaml" "$@"
}

# All systems of one table: task variant [options of training]
systems() {
    local task=$1 variant=$2 seed model
    shift 2
    for seed in $seeds; do
        for model in ae vae cvae; do
            autoencoder_lstm "$task" "$variant" "$model" "$seed" --precision bfloat16 "$@"
        done
    done
    if [ "$variant" = paper ]; then return; fi # the baselines have no autoencoder
    for seed in $seeds; do logmel_lstm "$task" "$variant" "$seed" "$@"; done
    sercli train-classifier "$store" --classifier functionals --task "$task" --name "$task.logmel${variant:+.$variant}.functionals" "$@"
}

if stage 1 "ingest, features, folds"; then
    sercli ingest "$corpus" "$store" --corpus emodb
    sercli featurize "$store"
    sercli folds "$store" --task four --classes anger,happiness,neutral,sadness >/dev/null
    sercli folds "$store" --task seven --protocol leave-one-speaker-out >/dev/null
fi
if stage 2 "four classes"; then systems four ""; fi
if stage 3 "four classes, the paper's Adam"; then systems four paper --config "$conf/paper.yaml"; fi
if stage 4 "four classes, speaker-normalised"; then systems four speaker --normalise speaker; fi
if stage 5 "four classes, VAE in float32"; then
    for seed in $seeds; do autoencoder_lstm four float32 vae "$seed" --precision float32; done
fi
if stage 6 "seven classes"; then systems seven ""; fi
if stage 7 "seven classes, the paper's Adam"; then systems seven paper --config "$conf/paper.yaml"; fi
if stage 8 "seven classes, speaker-normalised"; then systems seven speaker --normalise speaker; fi
if stage 9 "scores"; then
    sercli evaluate "$store" >/dev/null
    model='(ae|vae|cvae)'
    python "$project/recipes/results.py" "$store" \
        --title "EMO-DB, leave-one-speaker-out" \
        --command "bash recipes/emodb/run.sh EMODB_FOLDER" \
        --notes "$here/local/notes.md" \
        --table "Four classes: anger, happiness, neutral, sadness" '^four\.(ae|vae|cvae|logmel)\.(lstm|functionals)$' \
        --table "Four classes, the paper's Adam (β1 = 0.999, β2 = 0.99) for the autoencoder" "^four\.$model\.paper\.lstm\$" \
        --table "Four classes, the VAE fitted in float32 (bfloat16 above)" '^four\.vae\.float32\.lstm$' \
        --table "Four classes, speaker-normalised" '^four\..*\.speaker\.' \
        --table "All seven classes" '^seven\.(ae|vae|cvae|logmel)\.(lstm|functionals)$' \
        --table "All seven classes, the paper's Adam" "^seven\.$model\.paper\.lstm\$" \
        --table "All seven classes, speaker-normalised" '^seven\..*\.speaker\.' \
        >"$store/RESULTS.md"
    echo "$store/RESULTS.md"
fi
if stage 10 "report"; then sercli report "$store"; fi
if stage 11 "a bundle that labels new recordings"; then
    bundle=${store%/}-bundle
    sercli export "$store" --classifier "four.ae.seed-${seeds%% *}.lstm" "$bundle"
    echo "label recordings with: sercli predict $bundle FILE.wav" >&2
fi
