#!/usr/bin/env bash
# EMO-DB, leave-one-speaker-out: AE-, VAE- and CVAE-LSTM and two baselines on four classes and on all seven, five seeds.
#
# usage: bash recipes/emodb/run.sh EMODB_FOLDER [STORE] [--stage N] [--stop-stage N]
#
#   1 ingest, features, folds       4 seven classes, as in the paper    7 scores: RESULTS.md in the store
#   2 four classes, as in the paper 5 four classes, speaker-normalised  8 report: report/report.html in the store
#   3 four and seven classes        6 seven, speaker-normalised         9 a bundle that labels new recordings: STORE-bundle
#
# Stages may be run apart and again: what is made is kept. STORE is emodb by default, and takes about 8 GB;
# the variable SEEDS chooses the seeds (0 1 2 3 4).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$project/recipes/setup.sh"
recipe_options EMODB_FOLDER '[STORE]' -- "$@"
corpus=${arguments[0]}
store=${arguments[1]:-emodb}
conf=$here/conf
seeds=${SEEDS:-0 1 2 3 4}
sercli_setup

# One autoencoder and its LSTM: name task model seed, the settings of both, [options of train-ae]
autoencoder_lstm() {
    local name=$1 task=$2 model=$3 seed=$4 ae_config=$5 lstm_config=$6
    shift 6
    [ "$model-$ae_config" != ae-vae ] || ae_config=default
    sercli train-ae "$store" --task "$task" --model "$model" --seed "$seed" --name "$name" --config "$conf/$ae_config.yaml" "$@"
    sercli encode "$store" --ae "$name"
    sercli train-lstm "$store" --ae "$name" --name "$name.lstm" --config "$conf/$lstm_config.yaml"
}

# All systems of one table, seed by seed: task, part of the names, the settings of autoencoders and of LSTMs, [options of training]
systems() {
    local task=$1 variant=$2 ae_config=$3 lstm_config=$4 seed model precision=bfloat16
    shift 4
    [ "$variant" != .paper ] || precision=float32
    for seed in $seeds; do
        for model in ae vae cvae; do
            autoencoder_lstm "$task.$model$variant.seed-$seed" "$task" "$model" "$seed" "$ae_config" "$lstm_config" \
                --precision "$precision" "$@"
        done
        sercli train-lstm "$store" --task "$task" --seed "$seed" --name "$task.logmel$variant.seed-$seed.lstm" \
            --config "$conf/$lstm_config.yaml" "$@"
    done
    [ "$variant" != .paper ] || return 0 # the control is not a system of the paper
    sercli train-classifier "$store" --classifier functionals --task "$task" --name "$task.logmel$variant.functionals" "$@"
}

if stage 1 "ingest, features, folds"; then
    sercli ingest "$corpus" "$store" --corpus emodb
    sercli featurize "$store"
    sercli folds "$store" --task four --classes anger,happiness,neutral,sadness >/dev/null
    sercli folds "$store" --task seven --protocol leave-one-speaker-out >/dev/null
fi
if stage 2 "four classes, as in the paper"; then systems four .paper paper paper; fi
if stage 3 "four and seven classes"; then
    systems four "" vae lstm
    systems seven "" vae lstm
fi
if stage 4 "seven classes, as in the paper"; then systems seven .paper paper paper; fi
if stage 5 "four classes, speaker-normalised"; then systems four .speaker vae lstm --normalise speaker; fi
if stage 6 "seven classes, speaker-normalised"; then systems seven .speaker vae lstm --normalise speaker; fi
if stage 7 "scores"; then
    sercli evaluate "$store" >/dev/null
    python "$project/recipes/results.py" "$store" \
        --title "EMO-DB, leave-one-speaker-out" \
        --command "bash recipes/emodb/run.sh EMODB_FOLDER" \
        --notes "$here/local/notes.md" \
        --table "Four classes: anger, happiness, neutral, sadness" '^four\.(ae|vae|cvae|logmel)\.(lstm|functionals)$' \
        --table "Four classes, as in the paper" '^four\.(ae|vae|cvae|logmel)\.paper\.lstm$' \
        --table "Four classes, speaker-normalised" '^four\..*\.speaker\.' \
        --table "All seven classes" '^seven\.(ae|vae|cvae|logmel)\.(lstm|functionals)$' \
        --table "All seven classes, as in the paper" '^seven\.(ae|vae|cvae|logmel)\.paper\.lstm$' \
        --table "All seven classes, speaker-normalised" '^seven\..*\.speaker\.' \
        >"$store/RESULTS.md"
    echo "$store/RESULTS.md"
fi
if stage 8 "report"; then sercli report "$store"; fi
if stage 9 "a bundle that labels new recordings"; then
    bundle=${store%/}-bundle
    sercli export "$store" --classifier "four.ae.seed-${seeds%% *}.lstm" "$bundle"
    echo "label recordings with: sercli predict $bundle FILE.wav" >&2
fi
