#!/usr/bin/env bash
# What each step costs, beside a reference measured in the same run. Close other programs first.
#
# usage: bash recipes/benchmark/run.sh EMODB_FOLDER [--stage N] [--stop-stage N]
#
#   1 `sercli --help`                                  4 train-lstm beside packed sequences
#   2 featurize beside librosa and openSMILE           5 VAE-LSTM, ten folds, from wav files to scores
#   3 train-ae beside its matrix products alone        6 memory of featurize on a corpus four times as large
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$project/recipes/setup.sh"
recipe_options "$@"
corpus=${arguments[0]:?"the folder of EMO-DB is missing; see --help"}
sercli_setup benchmark
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() { python "$here/local/$1.py" "${@:2}"; }
if stage 1 "sercli --help"; then measure help; fi
if stage 2 "featurize"; then measure features "$corpus" "$work/features"; fi
if stage 3 "train-ae"; then measure autoencoder; fi
if stage 4 "train-lstm"; then measure lstm "$corpus"; fi
if stage 5 "VAE-LSTM, ten folds, from wav files to scores"; then
    start=$(date +%s.%N)
    sercli ingest "$corpus" "$work/store" --corpus emodb
    sercli featurize "$work/store"
    ae=$(sercli train-ae "$work/store" --model vae --classes anger,happiness,neutral,sadness)
    sercli encode "$work/store" --ae "$ae"
    sercli train-lstm "$work/store" --ae "$ae"
    sercli evaluate "$work/store"
    python -c "import sys, time; print(f'wav files to scores: {time.time() - float(sys.argv[1]):.0f} s')" "$start"
fi
if stage 6 "memory of featurize"; then
    for speakers in 4 16; do
        python "$project/recipes/demo/local/synthesise.py" "$work/corpus-$speakers" --speakers "$speakers" --per-emotion 16
        sercli ingest "$work/corpus-$speakers" "$work/memory-$speakers"
        measure memory "$work/memory-$speakers"
    done
fi
