#!/usr/bin/env bash
# PDFs need Pango, HarfBuzz and a font; the tests of the pages need Chromium. Installs them where it may, else says what
# to type.
set -euo pipefail
packages=""
have() { ldconfig -p 2>/dev/null | grep -q "$1"; }
if ! have libpango-1.0.so.0 || ! have libpangoft2-1.0.so.0 || ! have libharfbuzz-subset.so.0; then
  packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
fi
# The shell is Chromium without its own windows and menus: the tests take a third less with it, where the system has it.
shell=chromium-headless-shell
browser=""
for name in $shell chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && { browser=$name; break; }
done
if [ "$(uname)" = Darwin ]; then
  [ -e /opt/homebrew/lib/libpango-1.0.dylib ] || [ -e /usr/local/lib/libpango-1.0.dylib ] || echo "PDFs need Pango: brew install pango"
  exit 0
fi
[ -n "$packages" ] || [ "$browser" != $shell ] || exit 0
if ! command -v apt-get >/dev/null; then
  [ -z "$packages" ] && [ -n "$browser" ] ||
    echo "PDFs need Pango and HarfBuzz (with its subset library), the tests Chromium: install them with your package manager."
  exit 0
fi
if [ "$(id -u)" = 0 ]; then
  as_root() { "$@"; }
elif sudo -n true 2>/dev/null; then
  as_root() { sudo "$@"; }
else
  [ -n "$browser" ] || packages="$packages chromium"
  [ -z "$packages" ] || echo "PDFs and the tests of the pages need system packages. Type: sudo apt-get install $packages"
  exit 0
fi
install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
as_root apt-get update -qq || echo "The lists of packages could not be renewed."
if [ -n "$packages" ]; then
  install $packages
fi
if apt-cache show $shell >/dev/null 2>&1 && install $shell; then
  exit 0
fi
[ -n "$browser" ] || install chromium
