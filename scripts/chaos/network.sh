#!/bin/sh
# Lays bad cables: scripts/chaos/network.sh [--seed N] [--for DURATION] [OPTIONS]
# With --closed, TLS and tokens go through them.
exec "$(dirname "$0")/scene" network "$@"
