#!/usr/bin/env bash
# Lives through simulated worlds for so many minutes, on all cores, and ends with a verdict.
#
#   scripts/sim.sh            an hour, from seed 100000 on
#   scripts/sim.sh 5          five minutes
#   scripts/sim.sh 60 7000    an hour, from seed 7000 on
#
# A world is a seed: nodes that lie, die and come back, a hub that dies in its commits, a network
# that loses and delays, a wall clock that jumps; judged by an oracle that shares no code with the
# core. A rule that is broken ends it with exit status 1 and the story of that world in short.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-60}" in
    -h | --help)
        sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
esac
exec cargo run --quiet --release -p leasehold-sim --example hours -- \
    --minutes "${1:-60}" --seed "${2:-100000}"
