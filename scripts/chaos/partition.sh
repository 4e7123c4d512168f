#!/bin/sh
# Parts network namespaces: scripts/chaos/partition.sh [--seed N] [--for DURATION] [OPTIONS]
# Needs Linux, root and ip (iproute2); elsewhere it says that it is passed over.
exec "$(dirname "$0")/scene" partition "$@"
