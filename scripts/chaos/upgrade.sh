#!/bin/sh
# Goes on with an earlier release's store: scripts/chaos/upgrade.sh [--seed N] [--for DURATION] [OPTIONS]
# With --hub-program OLD, that release runs first, and this one takes its store over.
exec "$(dirname "$0")/scene" upgrade "$@"
