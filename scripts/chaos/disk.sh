#!/bin/sh
# Fails the hub's disk: scripts/chaos/disk.sh [--seed N] [--for DURATION] [OPTIONS]
# Needs Linux and a C compiler (cc); as root it also fills a disk of its own (in a file), and has the
# kernel make it read-only and mends it (mkfs.ext4, e2fsck, mount, umount).
# Runs $LEASEHOLD_BIN if that is set, and else builds a release first.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${LEASEHOLD_BIN:-}" ]; then
    cargo build --release --quiet --package leasehold
    LEASEHOLD_BIN="${CARGO_TARGET_DIR:-target}/release/leasehold"
fi
exec "$LEASEHOLD_BIN" chaos disk "$@"
