#!/bin/sh
# Fails the hub's disk: scripts/chaos/disk.sh [--seed N] [--for DURATION] [OPTIONS]
# Needs Linux and a C compiler (cc); as root it also fills a disk of its own.
exec "$(dirname "$0")/scene" disk "$@"
