#!/bin/sh
# Cuts the power of a hub with fjall: scripts/chaos/power-cut-fjall.sh [--seed N] [--for DURATION] [OPTIONS]
# Needs Linux and a C compiler (cc).
exec "$(dirname "$0")/scene" power-cut-fjall "$@"
