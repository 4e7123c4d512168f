#!/bin/sh
# Stops processes for a while: scripts/chaos/freeze.sh [--seed N] [--for DURATION] [OPTIONS]
exec "$(dirname "$0")/scene" freeze "$@"
