#!/bin/sh
# Kills processes: scripts/chaos/kill.sh [--seed N] [--for DURATION] [OPTIONS]
exec "$(dirname "$0")/scene" kill "$@"
