#!/usr/bin/env bash
# All tests, from nothing but Python 3.11, pip and gcc: bash tests/run.sh [pytest options]
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$project/recipes/setup.sh"
sercli_setup test
cd "$project"
ruff check .
ruff format --check .
mypy
for scripts in recipes recipes/*/local; do # the scripts of a recipe import their neighbours
    if compgen -G "$scripts/*.py" >/dev/null; then MYPYPATH=recipes:$scripts mypy "$scripts"/*.py; fi
done
exec python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
