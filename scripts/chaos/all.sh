#!/bin/sh
# All chaos scenes side by side, and one table: scripts/chaos/all.sh [MINUTES] [OPTIONS]
exec "$(dirname "$0")/scene" all "$@"
