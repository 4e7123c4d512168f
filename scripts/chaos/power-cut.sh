#!/bin/sh
# Cuts the power of a hub with the default engine: scripts/chaos/power-cut.sh [--seed N] [--for DURATION] [OPTIONS]
# Needs Linux and a C compiler (cc).
exec "$(dirname "$0")/scene" power-cut "$@"
