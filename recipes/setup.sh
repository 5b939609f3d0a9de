# Sourced by the recipes and the tests: makes .venv and installs sercli, unless an environment is active or this was done.
# Sets nothing but the environment; $project is the project's folder, $1 an extra of the package.
sercli_setup() {
    local extra=${1:-} wanted done
    if [ -z "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ]; then
        [ -x "$project/.venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$project/.venv"
        . "$project/.venv/bin/activate"
    fi
    done="$(python -c 'import sys; print(sys.prefix)')/.sercli-installed${extra:+-$extra}"
    wanted="$(cat "$project/pyproject.toml" "$project/.ci/constraints.txt" | cksum) $project"
    if ! grep -qxF "$wanted" "$done"* 2>/dev/null; then # with no extra, an install with one will do
        echo "installing sercli and what it needs into ${done%/*} (once)" >&2
        # torch by its exact version: a range may fetch another build, with gigabytes of CUDA.
        python -m pip install --quiet --disable-pip-version-check \
            --constraint "$project/.ci/constraints.txt" "$(grep '^torch==' "$project/.ci/constraints.txt")" \
            --editable "$project${extra:+[$extra]}"
        echo "$wanted" >"$done"
    fi
}

# Reads what a recipe was given. First how it is written: FOLDER, [FOLDER] if it may be left out, --flag, and --option= if a
# value follows; then --, and what was given. Leaves $stage, $stop_stage, $arguments, and in $options the recipe's own options.
recipe_options() {
    local wanted=() needed=0 flags=" " valued=" --stage --stop-stage "
    while [ "$1" != -- ]; do
        case $1 in
        --*=) valued+="${1%=} " ;;
        --*) flags+="$1 " ;;
        \[*) wanted+=("$1") ;;
        *) wanted+=("$1") && needed=$((needed + 1)) ;;
        esac
        shift
    done
    shift
    stage=1 stop_stage=99 arguments=() options=()
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h) sed -n '2,/^set /{/^# \{0,1\}/s///p;}' "$0" && exit 0 ;;
        --stage | --stop-stage) [[ ${2:-} =~ ^[0-9]+$ ]] || recipe_refuses "$1 wants the number of a stage, not '${2:-}'" ;;
        -*)
            [[ $valued$flags == *" $1 "* ]] || recipe_refuses "unknown option $1; known are $(echo $valued $flags)"
            [[ $valued != *" $1 "* || $# -gt 1 ]] || recipe_refuses "$1 wants a value"
            ;;
        esac
        case $1 in
        --stage) stage=$2 && shift ;;
        --stop-stage) stop_stage=$2 && shift ;;
        -*) options+=("$1") && [[ $valued != *" $1 "* ]] || { options+=("$2") && shift; } ;;
        *) arguments+=("$1") ;;
        esac
        shift
    done
    [ "$stage" -le "$stop_stage" ] || recipe_refuses "--stage $stage comes after --stop-stage $stop_stage"
    [ ${#arguments[@]} -ge $needed ] || recipe_refuses "${wanted[${#arguments[@]}]} is missing"
    [ ${#arguments[@]} -le ${#wanted[@]} ] || recipe_refuses "'${arguments[${#wanted[@]}]}' is one argument too many"
    trap 'kill 0' INT
}

# One line, and the exit code of wrong usage.
recipe_refuses() {
    echo "$0: $1; see --help" >&2
    exit 2
}

# Whether a stage is asked for; announces it.
stage() {
    [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] || return 1
    echo "== stage $1: $2" >&2
}
