#!/usr/bin/env bash
# Brings what `npm run test:extended` needs and npm does not have: Python oracles, in a venv outside the project, what
# compiles TensorFlow's binding, and a browser that looks at reports.
set -euo pipefail
parts="${NEUROFLARE_PARTS:-$HOME/.cache/neuroflare-parts}"
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  apt-get update -q && apt-get install -qy python3 python3-venv
fi
if ! ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1; then
  apt-get update -q && apt-get install -qy libfaketime
fi
if ! command -v g++ >/dev/null || ! command -v make >/dev/null; then
  apt-get update -q && apt-get install -qy g++ make
fi
if [ ! -x /usr/bin/dcm2niix ]; then
  apt-get update -q && apt-get install -qy --no-install-recommends dcm2niix
fi
if ! command -v valkey-server >/dev/null && ! command -v redis-server >/dev/null; then
  apt-get update -q && apt-get install -qy --no-install-recommends redis-server
fi
headers=include/node/node_api.h
prefix="$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")"
if [ ! -e "$prefix/$headers" ] && [ ! -e "/usr/local/$headers" ] && [ ! -e "/usr/$headers" ]; then
  apt-get update -q && apt-get install -qy libnode-dev
fi
# SwiftShader, a GPU in software, from Debian's package of Chromium: unpacked, not installed.
if [ ! -e "$parts/swiftshader/usr/lib/chromium/vk_swiftshader_icd.json" ] && command -v apt-get >/dev/null; then
  mkdir -p "$parts/swiftshader" && apt-get update -q
  (cd "$parts/swiftshader" && apt-get download -q chromium-common && dpkg-deb --extract chromium-common_*.deb . && rm chromium-common_*.deb)
fi
if [ ! -x "${NEUROFLARE_CHROMIUM:-/usr/bin/chromium}" ]; then
  apt-get update -q && apt-get install -qy --no-install-recommends chromium fonts-dejavu-core
fi
[ -x "$parts/venv/bin/python" ] || python3 -m venv "$parts/venv"
"$parts/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$(dirname "$0")/extended-requirements.txt"
echo "extended parts are in $parts"
