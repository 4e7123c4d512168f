#!/bin/sh
# One chaos scene: scripts/chaos/freeze.sh [--seed N] [--for DURATION] [OPTIONS]
# Runs $LEASEHOLD_BIN if that is set, and else builds a release first.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${LEASEHOLD_BIN:-}" ]; then
    cargo build --release --quiet --package leasehold
    LEASEHOLD_BIN="${CARGO_TARGET_DIR:-target}/release/leasehold"
fi
exec "$LEASEHOLD_BIN" chaos freeze "$@"
