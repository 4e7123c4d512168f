#!/usr/bin/env bash
# Leasehold and the systems that it is compared with, on this machine, in turn, in one run.
#
#   scripts/bench/peers.sh [OPTION...] [-- OPTION OF leasehold bench...]
#
#   --data DIR       where all of them, Leasehold too, keep what they keep: on the disk that is to
#                    be measured [/var/tmp]
#   --peers A,B,...  only these; also "all" [all]
#   --repeat N       measure everything so often; medians are shown [3]
#   --seconds N      how long to measure each thing [3]
#   --phases "A B"   [enqueue claim mixed single latency, and limits before them]
#   --minutes N      end it all after so long [90]
#   --program FILE   a `leasehold` that was built with --features peers [built anew]
#   --no-install     take what is installed, and pass over the rest
#
# For root on Debian 12 (others of its family will do). Installs what is missing from Debian's
# packages and starts none of their services: each peer runs apart, as its package's user, on ports
# of its own, in a folder of its own, and is gone at the end. The packages stay; how to remove those
# that were added is said at the end.
set -uo pipefail
shopt -s extglob

readonly ALL="beanstalkd-nothing beanstalkd redis-list-nothing redis-list redis-streams-nothing \
redis-streams jetstream jetstream-synced rabbitmq postgresql"

data=/var/tmp peers=$ALL repeat=3 seconds=3 minutes=90 program="" install=yes
phases="limits enqueue claim mixed single latency"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

folder=""          # of this run
port=17400         # the last one that was given out
declare -a added=()      # packages
declare -a against=()    # what the bench is told of those that run
declare -a missing=()    # those that do not run, and why

say() { printf '%s\n' "$*" >&2; }
die() { say "peers.sh: $*"; exit 2; }

read_options() {
    while [ $# -gt 0 ]; do
        case "$1" in
            -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
            --no-install) install=no; shift; continue ;;
            --) shift; more=("$@"); return ;;
        esac
        [ $# -ge 2 ] || die "$1 wants a value, or is unknown; see --help"
        case "$1" in
            --data) data=$2 ;;
            --peers) if [ "$2" != all ]; then peers=${2//,/ }; fi ;;
            --repeat) repeat=$2 ;;
            --seconds) seconds=$2 ;;
            --phases) phases=$2 ;;
            --minutes) minutes=$2 ;;
            --program) program=$2 ;;
            *) die "unknown option $1; see --help" ;;
        esac
        shift 2
    done
}

# ---------------------------------------------------------------------------------- packages

package_of() {
    case "$1" in
        beanstalkd*) echo beanstalkd ;;
        redis*) echo redis-server ;;
        jetstream*) echo nats-server ;;
        rabbitmq) echo rabbitmq-server ;;
        postgresql) echo postgresql ;;
        *) return 1 ;;
    esac
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

version_of() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }

# Nothing is upgraded: what runs here already is not to be restarted.
install_missing() {
    local -a wanted=()
    local peer package
    for peer in $peers; do
        package=$(package_of "$peer") || die "no peer is called \"$peer\"; there are: $ALL"
        is_installed "$package" || [[ " ${wanted[*]-} " == *" $package "* ]] || wanted+=("$package")
    done
    if [ ${#wanted[@]} -eq 0 ] || [ $install = no ]; then return; fi
    say "installing ${wanted[*]}"
    local before
    before=$(active_services)
    deny_starts
    timeout 300 apt-get update >"$folder/apt.log" 2>&1
    for package in "${wanted[@]}"; do
        if DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 timeout 600 apt-get install -y \
            --no-install-recommends --no-upgrade "$package" >>"$folder/apt.log" 2>&1 {lifeline}>&-; then
            added+=("$package")
        else
            say "could not install $package: $(tail -n 1 "$folder/apt.log")"
        fi
    done
    allow_starts
    stop_others_than "$before"
}

readonly POLICY=/usr/sbin/policy-rc.d
denies=no

# Debian's way to install a service without starting it. A policy that is there is left alone.
deny_starts() {
    if [ -e "$POLICY" ]; then return; fi
    printf '#!/bin/sh\nexit 101\n' >"$POLICY" && chmod 755 "$POLICY" && denies=yes
    echo "denies $denies" >&"$lifeline"
}

allow_starts() {
    if [ $denies = yes ]; then rm -f "$POLICY"; fi
    denies=no
    echo "denies no" >&"$lifeline"
}

has_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

active_services() {
    has_systemd || return 0
    systemctl list-units --no-legend --plain --state=active --type=service,socket | cut -d' ' -f1
}

# What the packages started all the same, where the machine's own policy lets them.
stop_others_than() {
    local unit
    for unit in $(active_services); do
        if grep -qxF "$unit" <<<"$1"; then continue; fi
        case "$unit" in
            beanstalkd.* | redis-server* | nats-server.* | rabbitmq-server.* | postgresql* | epmd.*)
                say "stopping $unit, which its package started"
                timeout 60 systemctl stop "$unit" ;;
        esac
    done
}

# ---------------------------------------------------------------------------------- processes

# A port of loopback that nobody listens on: in $port. Below those that the kernel gives out.
next_port() {
    while port=$((port + 1)); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    done
}

# start NAME USER COMMAND...: in a process group of its own, as USER, in the folder of NAME. Its
# number is in $pid.
start() {
    local name=$1 user=$2
    shift 2
    cd "$folder/$name" || return 1
    setsid setpriv --reuid "$user" --regid "$user" --clear-groups \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        HOME="$folder/$name" "$@" >"$folder/$name.log" 2>&1 </dev/null {lifeline}>&- &
    pid=$!
    echo "group $pid" >&"$lifeline"
    cd "$root" || return 1
}

# own NAME USER: makes the folder of NAME.
own() { mkdir -p "$folder/$1" && chown "$2": "$folder/$1"; }

# await PORT PID: until somebody listens there, for a minute.
await() {
    local i
    for ((i = 0; i < 600; i++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# Ends all and removes all when the script is no more, however it ended: a process beside it, which
# is told over a pipe what there is, and sees that pipe end. Nothing else may hold that pipe.
reap() {
    trap '' INT TERM HUP
    local what value
    local -a groups=() remains=()
    while read -r what value; do
        case "$what" in
            group) groups+=("$value") ;;
            remains) remains+=("$value") ;;
            denies) denies=$value ;;
        esac
    done
    if [ "$denies" = yes ]; then rm -f "$POLICY"; fi
    for value in "${groups[@]}"; do end "$value" & done
    wait
    if [ ${#remains[@]} -gt 0 ]; then rm -rf -- "${remains[@]}"; fi
}

# end PID: the process group that it leads, gently and then not. SIGINT is what PostgreSQL takes for
# "now", and leaves no shared memory behind; the others take SIGTERM so.
end() {
    local i child
    # Whoever rests hears nothing else.
    kill -CONT -- "-$1" 2>/dev/null
    for child in $(pgrep -P "$1"); do kill -CONT "$child" 2>/dev/null; done
    kill -INT -- "-$1" 2>/dev/null
    kill -TERM -- "-$1" 2>/dev/null || return 0
    for ((i = 0; i < 100; i++)); do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$1" 2>/dev/null
}

lifeline=""        # the pipe
begin_reaping() {
    exec {lifeline}> >(exec >/dev/null 2>&1; reap)
    reaper=$!
    trap finish EXIT
    trap 'exit 130' INT TERM HUP
}

finish() {
    trap '' INT TERM HUP
    allow_starts
    exec {lifeline}>&-
    wait "$reaper"
}

# ---------------------------------------------------------------------------------- the peers

# Each start_... leaves in $spec what the bench is to be told, or says on its last line why not.

# start_beanstalkd NAME KEEPS. Its default, -f50, would acknowledge before it syncs.
start_beanstalkd() {
    own "$1" beanstalkd && next_port
    local -a log=()
    if [ "$2" = synced ]; then log=(-b "$folder/$1" -f0); fi
    start "$1" beanstalkd beanstalkd -l 127.0.0.1 -p "$port" "${log[@]}"
    spec="beanstalkd=127.0.0.1:$port,pid=$pid"
}

# start_redis NAME KEEPS KIND. No snapshots: beside the append-only file they would only cost. The
# rewriting of that file stays as it comes, for without it no disk is large enough. Threads for I/O
# stay off, as they come: its makers advise them from four cores of its own on.
start_redis() {
    own "$1" redis && next_port
    local appends=no
    if [ "$2" = synced ]; then appends=yes; fi
    start "$1" redis redis-server --bind 127.0.0.1 --port "$port" --dir "$folder/$1" --save '' \
        --appendonly $appends --appendfsync always --daemonize no
    spec="$3=127.0.0.1:$port,pid=$pid"
}

# start_jetstream NAME KEEPS
start_jetstream() {
    own "$1" nats && next_port
    local sync="" config="$folder/$1/nats.conf"
    if [ "$2" = synced ]; then sync="sync_interval: always"; fi
    printf 'listen: "127.0.0.1:%s"\njetstream {\n  store_dir: "%s"\n  %s\n}\n' \
        "$port" "$folder/$1" "$sync" >"$config"
    if ! nats-server -t -c "$config" >"$folder/$1.log" 2>&1; then
        if [ "$2" = synced ]; then
            echo "nats-server $(version_of nats-server) knows no sync_interval (2.10 does): it cannot be told to sync before it acknowledges" >"$folder/$1.log"
        fi
        return 1
    fi
    start "$1" nats nats-server -c "$config"
    spec="jetstream=127.0.0.1:$port,pid=$pid"
}

# start_rabbitmq NAME. It wants the port mapper of Erlang and a port for its like beside its own:
# both on loopback, and neither those of a RabbitMQ that runs here already.
start_rabbitmq() {
    local name=$1 mapper others here="$folder/$1"
    own "$name" rabbitmq
    next_port && mapper=$port
    next_port && others=$port
    next_port
    printf 'listeners.tcp.default = 127.0.0.1:%s\nlog.file.level = warning\n' "$port" >"$here/rabbit.conf"
    echo '[].' >"$here/plugins"
    start "$name" rabbitmq epmd -address 127.0.0.1 -port "$mapper"
    start "$name" rabbitmq ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$mapper" \
        RABBITMQ_NODENAME=leasehold-bench@localhost RABBITMQ_DIST_PORT="$others" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        RABBITMQ_MNESIA_BASE="$here/mnesia" RABBITMQ_LOG_BASE="$here/log" \
        RABBITMQ_CONFIG_FILE="$here/rabbit.conf" RABBITMQ_CONF_ENV_FILE="$here/none" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$here/none.config" RABBITMQ_PID_FILE="$here/pid" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$here/plugins" /usr/lib/rabbitmq/bin/rabbitmq-server
    await "$port" "$pid" || return 1
    # Not the script that was started, but Erlang.
    spec="rabbitmq=127.0.0.1:$port,pid=$(cat "$here/pid")"
}

# start_postgresql NAME. Checkpoints as rare and memory as much as anyone would set who has such a
# machine for it; all that keeps its promise stays on. A backend for each session is not known
# beforehand, so neither are its memory and processor time.
start_postgresql() {
    own "$1" postgres && next_port
    local bin
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    (cd "$folder/$1" && timeout 120 setpriv --reuid postgres --regid postgres --clear-groups env -i \
        PATH=/usr/bin:/bin LANG=C.UTF-8 "$bin/initdb" -D "$folder/$1/data" -U bench -A trust \
        -E UTF8 --no-instructions >"$folder/$1.log" 2>&1 {lifeline}>&-) || return 1
    start "$1" postgres "$bin/postgres" -D "$folder/$1/data" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=700 \
        -c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=30min -c jit=off \
        -c fsync=on -c synchronous_commit=on -c autovacuum=on -c autovacuum_naptime=5s
    spec="postgresql=127.0.0.1:$port"
}

start_peer() {
    case "$1" in
        beanstalkd) start_beanstalkd "$1" synced ;;
        beanstalkd-nothing) start_beanstalkd "$1" nothing ;;
        redis-list) start_redis "$1" synced redis-list ;;
        redis-list-nothing) start_redis "$1" nothing redis-list ;;
        redis-streams) start_redis "$1" synced redis-streams ;;
        redis-streams-nothing) start_redis "$1" nothing redis-streams ;;
        jetstream) start_jetstream "$1" later ;;
        jetstream-synced) start_jetstream "$1" synced ;;
        rabbitmq) start_rabbitmq "$1" ;;
        postgresql) start_postgresql "$1" ;;
    esac
}

keeps_of() {
    case "$1" in
        *-nothing) echo nothing ;;
        jetstream) echo later ;;
        *) echo synced ;;
    esac
}

# raise PEER: starts it and tries it for a moment, so that the long run does not fail for its sake.
raise() {
    local peer=$1 package spec="" pid=""
    package=$(package_of "$peer")
    if ! is_installed "$package"; then
        missing+=("$peer: the package $package is not installed")
        return
    fi
    if ! start_peer "$peer" || [ -z "$spec" ] || ! await "$port" "$pid"; then
        missing+=("$peer: it did not start: $(tail -n 1 "$folder/$peer.log" 2>/dev/null)")
        return
    fi
    spec+=",name=$peer,keeps=$(keeps_of "$peer"),data=$folder/$peer,rests=$pid"
    if ! timeout 60 "$program" bench mixed --only-others --against "$spec" --connections 2 \
        --seconds 0.2 >"$folder/trial.log" 2>&1 {lifeline}>&-; then
        missing+=("$peer: it did not pass a first trial: $(tail -n 1 "$folder/trial.log")")
        return
    fi
    say "$peer $(version_of "$package") runs on port $port"
    against+=(--against "$spec")
}

# ---------------------------------------------------------------------------------- all of it

build() {
    if [ -n "$program" ]; then
        program=$(realpath -e "$program") || die "--program: no such file"
        return
    fi
    say "building leasehold with the drivers of the peers"
    (cd "$root" && cargo build --quiet --release --package leasehold --features peers) || die "it does not build"
    program="${CARGO_TARGET_DIR:-$root/target}/release/leasehold"
}

summary() {
    local package reason
    for reason in "${missing[@]}"; do echo "NOT COMPARED: $reason"; done
    if [ ${#added[@]} -gt 0 ]; then
        echo "packages that were added, and stay: ${added[*]} (apt-get remove ${added[*]})"
    fi
}

# In the background, or no signal would be heard before its end.
measure() {
    # shellcheck disable=SC2086 # the phases are words
    setsid timeout --foreground --kill-after=30 "$((minutes * 60))" "$program" bench $phases \
        "${against[@]}" --data "$folder/leasehold" --repeat "$repeat" --seconds "$seconds" \
        --progress "${more[@]}" {lifeline}>&- &
    local bench=$!
    echo "group $bench" >&"$lifeline"
    wait "$bench"
}

main() {
    declare -a more=()
    read_options "$@"
    [ "$(id -u)" = 0 ] || die "must be root, to install packages and to run each peer as its user"
    command -v apt-get >/dev/null || die "needs apt-get: it is for Debian"
    build
    begin_reaping
    data=$(realpath -e "$data") || die "--data: no such folder"
    folder=$(mktemp -d "$data/leasehold-peers.XXXXXX") || die "no folder can be made in $data"
    echo "remains $folder" >&"$lifeline"
    # The users of the packages have to get through.
    chmod 711 "$folder"
    case "$(stat -f -c %T "$folder")" in
        tmpfs | ramfs) say "WARNING: $data is in memory: there is nothing to sync, and no figure means anything" ;;
    esac
    install_missing
    local peer
    for peer in $peers; do raise "$peer"; done
    mkdir "$folder/leasehold"
    measure
    local code=$?
    if [ $code = 124 ]; then say "ended after $minutes minutes, before it was finished"; fi
    summary
    return $code
}

main "$@"
