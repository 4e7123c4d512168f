#!/bin/sh
# Asks for too much: scripts/chaos/load.sh [--seed N] [--for DURATION] [OPTIONS]
exec "$(dirname "$0")/scene" load "$@"
