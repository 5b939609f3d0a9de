#!/usr/bin/env bash
# Across corpora: EMO-DB (acted German) and the demo's synthetic speech, each alone, each by the other's models, and left out of both.
#
# usage: bash recipes/cross-corpus/run.sh EMODB_FOLDER [FOLDER] [--stage N] [--stop-stage N] [--quick]
#
#   1 both corpora: ingest, features            3 out of domain: each by the classifiers of the other
#   2 each by itself: AE-LSTM and functionals   4 a store of both, one corpus left out
#   5 FOLDER/RESULTS.md
#
# Everything goes into FOLDER (cross-corpus by default); stages may be run one by one and again. The variable SEEDS chooses the seeds of the
# AE-LSTM (0 1 2 3 4). --quick shows that everything works: little synthetic speech, functionals only, no speaker normalisation.
# Another corpus than EMO-DB, of any reader, needs no change of this script.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$project/recipes/setup.sh"
recipe_options EMODB_FOLDER '[FOLDER]' --quick -- "$@"
corpus=${arguments[0]}
folder=${arguments[1]:-cross-corpus}
classes=anger,happiness,neutral,sadness
seeds=${SEEDS:-0 1 2 3 4}
speech=() jobs=() normalisations="train speaker" kinds="ae-lstm functionals"
if [ "${options[*]}" = --quick ]; then
    speech=(--speakers 3 --per-emotion 3) normalisations=train kinds=functionals
    jobs=(--jobs 1) # there is less to do than a second process costs
fi
sercli_setup

# The systems of a store: store [options of the task]
systems() {
    local store=$1 normalise seed
    shift
    for normalise in $normalisations; do
        if [[ $kinds == *ae-lstm* ]]; then
            for seed in $seeds; do
                sercli train-ae "$store" --model ae --latent-dim 32 --seed "$seed" --name "ae.$normalise.seed-$seed" \
                    --normalise "$normalise" --set batch_size=128 "$@"
                sercli encode "$store" --ae "ae.$normalise.seed-$seed"
                sercli train-lstm "$store" --ae "ae.$normalise.seed-$seed" --name "ae-lstm.$normalise.seed-$seed" --set pooling=mean
            done
        fi
        sercli train-classifier "$store" --classifier functionals --normalise "$normalise" --name "functionals.$normalise" "${jobs[@]}" "$@"
    done
}

if stage 1 "both corpora: ingest, features"; then
    python "$project/recipes/demo/local/synthesise.py" "$folder/synthetic-speech" "${speech[@]}"
    sercli ingest "$folder/synthetic-speech" "$folder/synthetic" --name synthetic
    sercli ingest "$corpus" "$folder/emodb" --name emodb
    for name in emodb synthetic; do sercli featurize "$folder/$name"; done
fi
if stage 2 "each by itself"; then
    for name in emodb synthetic; do
        systems "$folder/$name" --classes "$classes"
        sercli evaluate "$folder/$name" "${jobs[@]}" >/dev/null
    done
fi
if stage 3 "out of domain: each by the classifiers of the other"; then
    for pair in emodb:synthetic synthetic:emodb; do
        with=()
        for classifier in "$folder/${pair#*:}"/classifiers/*; do with+=(--with "$folder/${pair#*:}:${classifier##*/}"); done
        sercli evaluate "$folder/${pair%:*}" "${with[@]}" "${jobs[@]}"
    done
fi
if stage 4 "a store of both, one corpus left out"; then
    sercli combine "$folder/emodb" "$folder/synthetic" "$folder/both" --classes "$classes"
    systems "$folder/both"
    sercli evaluate "$folder/both" "${jobs[@]}" >/dev/null
fi
if stage 5 "scores"; then
    python "$here/local/page.py" "$folder" "${options[@]}" >"$folder/RESULTS.md"
    echo "$folder/RESULTS.md"
fi
