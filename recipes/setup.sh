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
    if ! cat "$done"* 2>/dev/null | grep -qxF "$wanted"; then # with no extra, an install with one will do
        echo "installing sercli and what it needs into ${done%/*} (once)" >&2
        # torch by its exact version: a range may fetch another build, with gigabytes of CUDA.
        python -m pip install --quiet --disable-pip-version-check \
            --constraint "$project/.ci/constraints.txt" "$(grep '^torch==' "$project/.ci/constraints.txt")" \
            --editable "$project${extra:+[$extra]}"
        echo "$wanted" >"$done"
    fi
}

# `--stage N` and `--stop-stage N` out of the arguments; the others are left in $arguments.
recipe_options() {
    stage=1 stop_stage=99 arguments=()
    while [ $# -gt 0 ]; do
        case $1 in
        --stage) stage=$2 && shift 2 ;;
        --stop-stage) stop_stage=$2 && shift 2 ;;
        --help | -h) sed -n '2,/^set /{/^# \{0,1\}/s///p;}' "$0" && exit 0 ;;
        -*) echo "$0: unknown option $1; known are --stage N and --stop-stage N" >&2 && exit 2 ;;
        *) arguments+=("$1") && shift ;;
        esac
    done
    trap 'kill 0' INT
}

# Whether a stage is asked for; announces it.
stage() {
    [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] || return 1
    echo "== stage $1: $2" >&2
}
