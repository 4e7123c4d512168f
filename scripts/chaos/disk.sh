#!/bin/sh
# Fails the hub's disk: scripts/chaos/disk.sh [--seed N] [--for DURATION] [OPTIONS]
# Needs Linux and a C compiler (cc); as root it also fills a disk of its own (in a file), and has the
# kernel make it read-only and mends it (mkfs.ext4, e2fsck, mount, umount).
exec "$(dirname "$0")/scene" disk "$@"
