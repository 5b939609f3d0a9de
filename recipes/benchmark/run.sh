#!/usr/bin/env bash
# What each step costs, beside a reference measured in the same run. Close other programs first.
#
# usage: bash recipes/benchmark/run.sh EMODB_FOLDER [WORK] [--stage N] [--stop-stage N]
#
#   1 `sercli --help`                                  6 memory of featurize on a corpus four times as large
#   2 featurize beside librosa and openSMILE           7 ingest and featurize at IEMOCAP's size (10 039 utterances, 12.4 h)
#   3 train-ae beside its matrix products alone        8 train-lstm at IEMOCAP's lengths, beside the same kernel in random order
#   4 train-lstm beside packed sequences               9 Table 1 in bfloat16: 45 autoencoders, 45 classifiers
#   5 VAE-LSTM, ten folds, from wav files to scores   10 Table 1 in float32     11 a part of Table 2 and Figure 2
#  12 predict beside the same by hand, with librosa   13 memory and time of predict over one hour and ten
#  14 ingest of 10 000 files, every reader asked whether they are its own
#  15 digests of history, weights, latents and posteriors of folds 1 and 2, to be compared before and after a change of the code
#  16 how often 95 % intervals hold the true score, and tests at 5 % reject what is true or find what is there (20 minutes)
#  17 near copies of EMO-DB: how many are found, how many recordings are taken for others, what this costs beside featurize
#
# Stages 7 to 11 synthesise a corpus of IEMOCAP's size once, into WORK, which is kept if it is named; 9 to 11 take hours.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$project/recipes/setup.sh"
recipe_options EMODB_FOLDER '[WORK]' -- "$@"
corpus=${arguments[0]}
sercli_setup benchmark
if [ -n "${arguments[1]:-}" ]; then
    work=${arguments[1]} && mkdir -p "$work"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
large=$work/iemocap # a store of IEMOCAP's size

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
        measure memory featurize "$work/memory-$speakers"
    done
fi

# Table 1, or a part of another grid, and what it would cost if only matrix products took time: precision name [options of sweep]
table() {
    local precision=$1 grid=$2 start
    start=$(date +%s.%N)
    measure memory sweep "$large" "$project/recipes/iemocap/conf/$grid.yaml" --device cpu \
        --name "$grid-$precision" --set "precision=$precision" "${@:3}"
    measure account "$large" "$grid-$precision" "$precision" "$(python -c "import time; print(time.time() - $start)")"
}
if stage 7 "ingest and featurize at IEMOCAP's size"; then
    python "$project/recipes/iemocap/local/synthesise.py" "$work/corpus" --size full
    measure memory ingest "$work/corpus" "$large" --corpus iemocap --verify
    measure memory featurize "$large"
fi
if stage 8 "train-lstm at IEMOCAP's lengths"; then measure lstm "$work/corpus"; fi
if stage 9 "Table 1 in bfloat16"; then table bfloat16 table1; fi
if stage 10 "Table 1 in float32"; then table float32 table1; fi
if stage 11 "a part of Table 2 and Figure 2"; then
    table bfloat16 table2 --fold 1 --fold 2 --set model=cvae --set epochs=4
    table bfloat16 figure2b --fold 1 --fold 2 --set model=cvae --set latent_dim=512 --set epochs=2
fi

bundle=$work/bundle # of a VAE-LSTM that has seen each utterance once: what it answers takes no longer or shorter
if stage 12 "predict"; then
    sercli ingest "$corpus" "$work/predict" --corpus emodb
    sercli featurize "$work/predict"
    ae=$(sercli train-ae "$work/predict" --model vae --classes anger,happiness,neutral,sadness --epochs 1)
    sercli encode "$work/predict" --ae "$ae"
    classifier=$(sercli train-lstm "$work/predict" --ae "$ae" --epochs 1)
    sercli evaluate "$work/predict" >/dev/null
    sercli export "$work/predict" --classifier "$classifier" "$bundle" --fold 1
    measure predict "$corpus" "$bundle"
fi
if stage 13 "predict over a long recording"; then
    for hours in 1 10; do
        measure recording "$corpus" "$hours" "$work/recording.wav"
        echo "$hours h, in windows of 5 s:"
        measure memory predict "$bundle" "$work/recording.wav" --window 5
    done
fi
if stage 14 "ingest of 10 000 files"; then measure ingest "$work/files"; fi
if stage 15 "digests"; then
    store=$work/digests
    conf=$project/recipes/emodb/conf
    sercli ingest "$corpus" "$store" --corpus emodb
    sercli featurize "$store"
    sercli folds "$store" --task four --classes anger,happiness,neutral,sadness >/dev/null
    for fold in 1 2; do
        for precision in float32 bfloat16; do
            for model in ae vae cvae; do
                name=$model.$precision betas=()
                [ "$model" = ae ] || betas=(--set beta=0.1)
                sercli train-ae "$store" --task four --model "$model" --name "$name" --precision "$precision" --fold "$fold" "${betas[@]}"
                sercli encode "$store" --ae "$name" --fold "$fold"
                sercli train-lstm "$store" --ae "$name" --name "$name.lstm" --precision "$precision" --fold "$fold" --config "$conf/lstm.yaml"
            done
            sercli train-lstm "$store" --task four --name "logmel.$precision.lstm" --precision "$precision" --fold "$fold" --config "$conf/lstm.yaml"
        done
        sercli train-classifier "$store" --task four --classifier functionals --name functionals --fold "$fold"
    done
    sercli evaluate "$store" >/dev/null
    measure digests "$store"
fi
if stage 16 "intervals and tests"; then measure intervals; fi
if stage 17 "near copies"; then measure near_copies "$work/near-copies" "$corpus"; fi
