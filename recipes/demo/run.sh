#!/usr/bin/env bash
# The whole pipeline on a synthetic corpus that needs no download: AE-, VAE- and CVAE-LSTM and two baselines, one seed each.
#
# usage: bash recipes/demo/run.sh [FOLDER] [--stage N] [--stop-stage N]
#
#   1 synthesise the corpus   2 ingest   3 features   4 folds
#   5 autoencoders, latents, LSTMs       6 baselines  7 scores      8 report
#   9 a bundle of the CVAE-LSTM, which labels a few recordings
#
# Everything goes into FOLDER (demo by default); stages may be run one by one and again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$project/recipes/setup.sh"
recipe_options '[FOLDER]' -- "$@"
folder=${arguments[0]:-demo}
corpus=$folder/corpus
store=$folder/store
sercli_setup

if stage 1 "synthesise the corpus"; then
    python "$here/local/synthesise.py" "$corpus"
fi
if stage 2 "ingest"; then
    sercli ingest "$corpus" "$store" --name synthetic
fi
if stage 3 "features"; then
    sercli featurize "$store"
fi
if stage 4 "folds"; then
    sercli folds "$store" --details
fi
if stage 5 "autoencoders, latents, LSTMs"; then
    for model in ae vae cvae; do
        ae=$(sercli train-ae "$store" --model "$model" --config "$here/conf/autoencoder.yaml")
        sercli encode "$store" --ae "$ae"
        sercli train-lstm "$store" --ae "$ae" --config "$here/conf/lstm.yaml"
    done
fi
if stage 6 "baselines"; then
    sercli train-lstm "$store" --config "$here/conf/lstm.yaml"
    sercli train-classifier "$store" --classifier functionals
fi
if stage 7 "scores"; then
    sercli evaluate "$store"
    python "$project/recipes/results.py" "$store" \
        --title "Demo: synthetic speech, leave-one-speaker-out" \
        --command "bash recipes/demo/run.sh" \
        --notes "$here/local/notes.md" \
        --table "Four classes, not as in the paper: batches of 128 segments, 10 epochs, mean pooling" . \
        >"$folder/RESULTS.md"
    echo "$folder/RESULTS.md"
fi
if stage 8 "report"; then
    sercli report "$store" --output "$folder/report.html"
    echo "$folder/report.html"
fi
if stage 9 "a bundle, and what it says of a few recordings"; then
    classifier=$(basename "$store"/classifiers/cvae-*)
    sercli export "$store" --classifier "$classifier" "$folder/bundle"
    find "$corpus" -name '*_0000.wav' -print0 | sort -z | head -z -n 4 | sercli predict "$folder/bundle" -0
fi
