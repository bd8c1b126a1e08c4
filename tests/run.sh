#!/bin/sh
# Passes every test, on a fresh Debian machine with stock rustup too: installs what is missing.
set -eu
cd "$(dirname "$0")/.."
# What Rust itself needs for linking, before the rest can be done in Rust.
if ! command -v cc >/dev/null; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update --quiet
    $sudo apt-get install --yes --quiet --no-install-recommends gcc libc6-dev
fi
# In the profile of the tests: shared crates are compiled once.
exec cargo run --quiet --package xtask -- test "$@"
