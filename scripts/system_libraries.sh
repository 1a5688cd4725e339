#!/usr/bin/env bash
# PDFs need Pango, HarfBuzz and a font; the tests of the pages need Chromium. Installs them where it may, else says what
# to type.
set -euo pipefail
packages=""
have() { ldconfig -p 2>/dev/null | grep -q "$1"; }
if ! have libpango-1.0.so.0 || ! have libpangoft2-1.0.so.0 || ! have libharfbuzz-subset.so.0; then
  packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
fi
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
  packages="$packages chromium"
fi
if [ "$(uname)" = Darwin ]; then
  [ -e /opt/homebrew/lib/libpango-1.0.dylib ] || [ -e /usr/local/lib/libpango-1.0.dylib ] || echo "PDFs need Pango: brew install pango"
  exit 0
fi
[ -n "$packages" ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "PDFs need Pango and HarfBuzz (with its subset library), the tests Chromium: install them with your package manager."
  exit 0
fi
if [ "$(id -u)" = 0 ]; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
elif sudo -n true 2>/dev/null; then
  sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
else
  echo "PDFs and the tests of the pages need system packages. Type: sudo apt-get install $packages"
fi
