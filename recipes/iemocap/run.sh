#!/usr/bin/env bash
# IEMOCAP, the whole of Latif et al. 2018: Tables 1 and 2 and Figure 2, each beside the printed values.
#
# usage: bash recipes/iemocap/run.sh IEMOCAP_FOLDER [STORE] [--stage N] [--stop-stage N] [--quick] [sweep's options]
#
#   1 ingest     4 Table 2: arousal, power, valence      7 variations of Table 1: the paper's Adam, baselines
#   2 features   5 Figure 2a: latent size, emotion       8 variations of Table 2: and Tian's bins
#   3 Table 1    6 Figure 2b: latent size, dimensions    9 Table 2 with speakers shared    10 RESULTS.md in the store
#
# All grids run five seeds. That takes five times as long as one: on two cores, days for stage 6 alone. `--set seed=0` runs one.
# --quick: two folds, two epochs and one seed, to see whether everything works; its output says so.
# The options of sweep are --device, --jobs and --set: `--device cuda:0,cuda:1`, `--set precision=bfloat16`,
# `--set 'seed=[0,1]'`; a --set must fit the grids of all stages that are run.
# Stages may be run one by one and again: what is made is kept. STORE is iemocap by default.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$project/recipes/setup.sh"
recipe_options IEMOCAP_FOLDER '[STORE]' --quick --device= --jobs= --set= -- "$@"
corpus=${arguments[0]}
store=${arguments[1]:-iemocap}
quick="" given=()
for word in ${options[@]+"${options[@]}"}; do
    if [ "$word" = --quick ]; then quick=quick-; else given+=("$word"); fi
done
options=(${quick:+--set epochs=2 --set seed=0 --fold 1 --fold 2} ${given[@]+"${given[@]}"}) # what is given wins
grids=(table1 table2 figure2a figure2b variations1 variations2 variations3) # of stages 3 to 9
sercli_setup

asked=()
for k in "${!grids[@]}"; do
    if [ "$stage" -le $((k + 3)) ] && [ $((k + 3)) -le "$stop_stage" ]; then asked+=("$here/conf/${grids[k]}.yaml"); fi
done
python "$here/local/check.py" ${asked[@]+"${asked[@]}"} ${options[@]+"${options[@]}"}

sweep() {
    sercli sweep "$store" "$here/conf/$1.yaml" --name "$quick$1" ${options[@]+"${options[@]}"}
}

if stage 1 "ingest"; then sercli ingest "$corpus" "$store" --corpus iemocap --name iemocap; fi
if stage 2 "features"; then sercli featurize "$store"; fi
if stage 3 "Table 1"; then sweep table1; fi
if stage 4 "Table 2"; then sweep table2; fi
if stage 5 "Figure 2a"; then sweep figure2a; fi
if stage 6 "Figure 2b"; then sweep figure2b; fi
if stage 7 "variations of Table 1"; then sweep variations1; fi
if stage 8 "variations of Table 2"; then sweep variations2; fi
if stage 9 "variations of Table 2: speakers shared"; then sweep variations3; fi
if stage 10 "scores"; then
    python "$here/local/page.py" "$store" ${quick:+--quick} -- \
        bash recipes/iemocap/run.sh IEMOCAP_FOLDER ${quick:+--quick} ${given[@]+"${given[@]}"}
fi
