#!/usr/bin/env bash
# EMO-DB, leave-one-speaker-out: AE-, VAE- and CVAE-LSTM and two baselines on four classes and on all seven, five seeds.
#
# usage: bash recipes/emodb/run.sh EMODB_FOLDER [STORE] [--stage N] [--stop-stage N]
#
#   1 ingest, features, folds        4 four classes, speaker-normalised    7 scores: RESULTS.md in the store
#   2 four classes, as in the paper  5 seven classes, speaker-normalised   8 report: report/report.html in the store
#   3 four and seven classes         6 the control on new sentences        9 a bundle that labels new recordings: STORE-bundle
#
# Stages may be run one by one and again: what is made is kept. STORE is emodb by default, and takes about 8 GB.
# The variable SEEDS chooses the seeds (0 1 2 3 4).
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

# All systems of one table, seed by seed: task, part of the names (.paper: the settings of the paper), [options of training]
systems() {
    local task=$1 variant=$2 seed model name lstm=(--config "$conf/lstm.yaml") autoencoder
    shift 2
    [ "$variant" != .paper ] || lstm=(--config "$conf/paper.yaml")
    for seed in $seeds; do
        for model in ae vae cvae; do
            autoencoder=(--precision bfloat16)
            [ "$model" = ae ] || autoencoder+=(--set beta=0.1)
            [ "$variant" != .paper ] || autoencoder=(--config "$conf/paper.yaml")
            name=$task.$model$variant.seed-$seed
            sercli train-ae "$store" --task "$task" --model "$model" --seed "$seed" --name "$name" "${autoencoder[@]}" "$@"
            sercli encode "$store" --ae "$name"
            sercli train-lstm "$store" --ae "$name" --name "$name.lstm" "${lstm[@]}"
        done
        sercli train-lstm "$store" --task "$task" --seed "$seed" --name "$task.logmel$variant.seed-$seed.lstm" "${lstm[@]}" "$@"
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
if stage 2 "four classes, as in the paper"; then systems four .paper; fi
if stage 3 "four and seven classes"; then
    systems four ""
    systems seven ""
fi
if stage 4 "four classes, speaker-normalised"; then systems four .speaker --normalise speaker; fi
if stage 5 "seven classes, speaker-normalised"; then systems seven .speaker --normalise speaker; fi
if stage 6 "the control on new sentences"; then
    sercli folds "$store" --task four.new-sentences --classes anger,happiness,neutral,sadness --apart sentence >/dev/null
    sercli folds "$store" --task seven.new-sentences --protocol leave-one-speaker-out --apart sentence >/dev/null
    for task in four.new-sentences seven.new-sentences; do
        sercli train-classifier "$store" --classifier functionals --task "$task" --name "$task.logmel.functionals"
    done
fi
if stage 7 "scores"; then
    as_in_paper="β = 1, two forward LSTM layers of 128 units, last step, learning rate 0.001, at most 20 epochs, Adam as printed, float32"
    lstm="two LSTM layers of 64 units in each of two directions, mean pooling, learning rate 0.003, at most 60 epochs, averaged weights, offset noise"
    not_as_in_paper="autoencoders in bfloat16 with β = 0.1, $lstm, the usual Adam"
    sercli evaluate "$store" >/dev/null
    python "$project/recipes/results.py" "$store" \
        --title "EMO-DB, leave-one-speaker-out" \
        --command "bash recipes/emodb/run.sh EMODB_FOLDER" \
        --notes "$here/local/notes.md" \
        --table "Four classes, as in the paper: $as_in_paper" '^four\.\w+\.paper\.' \
        --table "Four classes, not as in the paper: $not_as_in_paper" '^four\.\w+\.(seed-\d+\.lstm|functionals)$' \
        --table "Four classes, not as in the paper: speaker-normalised, $not_as_in_paper" '^four\.\w+\.speaker\.' \
        --table "Four classes, the control on sentences that do not occur in training" '^four\.new-sentences\.' \
        --table "All seven classes, not as in the paper: $not_as_in_paper" '^seven\.\w+\.(seed-\d+\.lstm|functionals)$' \
        --table "All seven classes, not as in the paper: speaker-normalised, $not_as_in_paper" '^seven\.\w+\.speaker\.' \
        --table "All seven classes, the control on sentences that do not occur in training" '^seven\.new-sentences\.' \
        >"$store/RESULTS.md"
    echo "$store/RESULTS.md"
fi
if stage 8 "report"; then sercli report "$store"; fi
if stage 9 "a bundle that labels new recordings"; then
    bundle=${store%/}-bundle
    sercli export "$store" --classifier "four.ae.seed-${seeds%% *}.lstm" "$bundle"
    echo "label recordings with: sercli predict $bundle FILE.wav" >&2
fi
