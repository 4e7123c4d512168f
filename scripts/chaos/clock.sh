#!/bin/sh
# Sets the hub's clock: scripts/chaos/clock.sh [--seed N] [--for DURATION] [OPTIONS]
# Needs Linux and a C compiler (cc).
exec "$(dirname "$0")/scene" clock "$@"
