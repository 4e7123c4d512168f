#!/bin/sh
# Cuts the power of a hub with the default engine: scripts/chaos/power-cut.sh [--seed N] [--for DURATION] [OPTIONS]
# One with fjall: leasehold chaos power-cut-fjall. Needs Linux and a C compiler (cc).
# Runs $LEASEHOLD_BIN if that is set, and else builds a release first.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${LEASEHOLD_BIN:-}" ]; then
    cargo build --release --quiet --package leasehold
    LEASEHOLD_BIN="${CARGO_TARGET_DIR:-target}/release/leasehold"
fi
exec "$LEASEHOLD_BIN" chaos power-cut "$@"
