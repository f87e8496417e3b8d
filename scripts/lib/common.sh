# Shared functions of the scripts: finds the repository, installs tools, builds examples.
# usage: . "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"   (sourced, never run; needs bash with set -euo pipefail)
# shellcheck shell=bash

# The head of a script says what it does and how it is called.
case ${1:-} in
-h | --help)
  awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"
  exit
  ;;
esac

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit 2
export PYTHONDONTWRITEBYTECODE=1
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
mkdir -p "$TARGET"
TARGET=$(cd "$TARGET" && pwd)

die() { echo "$(basename "$0"): $*" >&2; exit 2; }

# apt_install PACKAGE...: installs Debian packages; updates the package lists once per run.
apt_install() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  if [ -z "${APT_UPDATED:-}" ]; then
    "${sudo[@]}" apt-get update -qq >/dev/null
    APT_UPDATED=1
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >/dev/null
}

# need COMMAND PACKAGE...: installs the packages unless the command exists.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null || apt_install "$@"
}

# make_venv DIR REQUIREMENT...: a Python environment with these packages; recreated when the list changes.
make_venv() {
  local dir=$1 stamp
  shift
  need python3 python3 python3-venv
  stamp="$(python3 --version) $*"
  [ "$(cat "$dir/.requirements" 2>/dev/null || true)" = "$stamp" ] && return
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  rm -rf "$dir"
  python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
  echo "$stamp" >"$dir/.requirements"
}

# build_examples FEATURES NAME...: builds only these examples, in release mode.
build_examples() {
  local name flags=(--package barews-examples)
  for name in "$@"; do flags+=(--example "$name"); done
  cargo build --release --quiet "${flags[@]}" >&2
}
