//! The ends of help texts: examples, and what is not said by the flags.

/// Of the program as a whole.
pub(super) const TOP: &str = "\
Try:
  leasehold demo                              see it survive everything, in half a minute
  leasehold hub &                             a hub on 127.0.0.1:7411, tasks in ./leasehold-data
  leasehold enqueue mail 'hello' --wait &
  leasehold work mail --exec 'tr a-z A-Z'

Exit codes:
  0   done
  1   refused or failed
  2   usage: a wrong flag, value or configuration
  69  the hub could not be reached within --timeout
  77  the hub does not allow it: no token, or one that is not good for this";

/// Of `hub`.
pub(super) const HUB: &str = "\
Settings come from the file, then the environment (LEASEHOLD_HUB_LISTEN and so on), then the flags;
a later one wins. When the hub is ready it prints `listening on ADDR`; it logs to standard error,
at the level of RUST_LOG or of log.level. SIGTERM or SIGINT drains it: what is in flight is
committed, leases stay for the next start. A second one ends it at once, and loses nothing either.
SIGHUP reads the configuration again, and the files of [tls]: it is checked as a whole, and either
all that differs holds from then on, a line of the log each, or nothing is changed and the log says
why. An address that other machines reach wants TLS (docs/TLS.md), and tokens (docs/SECURITY.md)
or nodes with certificates.

Examples:
  leasehold hub --data /var/lib/leasehold
  leasehold hub --listen 127.0.0.1:0 --data /tmp/try
  leasehold hub --print-config > hub.toml && leasehold hub --config hub.toml";

/// Of `enqueue`.
pub(super) const ENQUEUE: &str = "\
Prints the id of each task once it is on the hub's disk. An id that the hub knows already makes no
second task. A payload that begins with a dash goes after `--`.

Examples:
  leasehold enqueue mail 'hello'
  leasehold enqueue thumbnails --file photo.jpg --priority low
  leasehold enqueue reports 'weekly' --delay 1h --expires-after 1d --max-runtime 10m
  leasehold enqueue mail 'hello' --group tenant-7
  leasehold enqueue billing 'invoice 7' --key invoice-7
  leasehold enqueue build 'link' --after $(leasehold enqueue build 'compile')
  find . -name '*.log' | leasehold enqueue compress --lines - --wait-when-full
  leasehold enqueue mail 'hello' --wait > result";

/// Of `work`.
pub(super) const WORK: &str = "\
Exit status 0 of the command completes the task with standard output as its result, 75 gives it
back uncounted, 65 says that it is hopeless and no attempt will do, anything else fails the attempt;
the end of standard error is the reason of both. The command finds LEASEHOLD_TASK_ID,
LEASEHOLD_POOL, LEASEHOLD_ATTEMPT, LEASEHOLD_LEASE and LEASEHOLD_NODE in its environment, and
TRACEPARENT if the task has a trace. LEASEHOLD_TELL names a pipe for lines on the way: \"progress
FRACTION [NOTE]\"; if it then succeeds \"then PAYLOAD\", a task that follows it in the same commit; if
it fails \"retry-after DURATION\" or \"hopeless\". What it leaves running is killed with it; so is all
of it when the lease is lost, the task is cancelled, or this process dies.

SIGTERM or SIGINT drains: no more tasks, and an end when the running ones are done. A second one
ends the commands and gives their tasks back.

Examples:
  leasehold work mail --exec 'sendmail -t'
  leasehold work compress --exec 'xargs gzip' --slots 8 --until-empty
  leasehold work copy --exec 'half; echo progress 0.5 half > \"$LEASEHOLD_TELL\"; other-half'
  leasehold work a b --exec 'handle \"$LEASEHOLD_POOL\"' --name crane-1 --json";

/// Of `status`.
pub(super) const STATUS: &str = "\
Examples:
  leasehold status
  leasehold status mail
  leasehold status --json | jq '.pools[] | {name, ready}'";

/// Of `tasks`.
pub(super) const TASKS: &str = "\
Tasks come in the order of their ids, which for ids of version 7 is that of their making. With
--json one object a line. Times are UTC.

Examples:
  leasehold tasks mail --state dead
  leasehold tasks mail --cause attempts-spent --reason 'smtp: 421'
  leasehold tasks mail --json | jq -r 'select(.attempt > 1) | .id'";

/// Of `task`.
pub(super) const TASK: &str = "\
Examples:
  leasehold task 01890a5d-ac96-774b-bcce-b302099a8057
  leasehold task 01890a5d-ac96-774b-bcce-b302099a8057 --json | jq .history";

/// Of `cancel`.
pub(super) const CANCEL: &str = "\
Prints the id of each task that was cancelled. The command of one that is running is ended.

Examples:
  leasehold cancel 01890a5d-ac96-774b-bcce-b302099a8057
  leasehold cancel 01890a5d-ac96-774b-bcce-b302099a8057 --grace 30s
  leasehold tasks mail --state ready --json | jq -r .id | xargs leasehold cancel";

/// Of `revive`.
pub(super) const REVIVE: &str = "\
Prints the id of each task that was revived. It is ready again, with all its attempts, and with
whatever else is given it.

Examples:
  leasehold revive mail 01890a5d-ac96-774b-bcce-b302099a8057
  leasehold revive mail --reason 'smtp: 421' --priority high --payload corrected.json
  leasehold revive mail --all";

/// Of `export`.
pub(super) const EXPORT: &str = "\
One object a line: the header, each pool and its tasks with payloads and results as base64, the end.
The folder stays as it is. The file is there only when it is whole; standard output is whole if the
exit code is 0. A way to the other engine, and to other programs:

  leasehold export --data old --out tasks.jsonl
  leasehold import --data new --engine fjall tasks.jsonl
  LEASEHOLD_STORE_ENGINE=fjall leasehold hub --data new

Examples:
  leasehold export | zstd > tasks.jsonl.zst
  leasehold export --backup monday --out monday.jsonl
  leasehold export | jq -c 'select(.task.state.dead) | .task.id'";

/// Of `import`.
pub(super) const IMPORT: &str = "\
The folder has all or nothing: after an error, or a kill, there is no store in it. Leases go with
their tasks, so nodes that still work resume them; no lease id is ever given out a second time.
Do not let a hub run on the old folder as well: each would hand out the same tasks.

Examples:
  leasehold import --data new --engine fjall tasks.jsonl
  zstd -dc tasks.jsonl.zst | leasehold import --data new -";

/// Of `demo`.
pub(super) const DEMO: &str = "\
Starts a hub and three workers on a task for each file, and kills, freezes and cuts them meanwhile.
Ends with a table of what became of it: exit code 0 if every promise held. Cleans up after itself.

Examples:
  leasehold demo
  leasehold demo ~/Documents";

/// Of `bench`.
pub(super) const BENCH: &str = "\
It starts a hub of its own, on a new folder beside the working directory or in --data, and
removes both at the end, however it ends. The disk is what is measured: do not let --data be in
memory. `16×64` is 16 connections with 64 requests in flight each. Latencies are from the moment
at which a task was to be sent. A hub given with --hub keeps the pools `bench-…` that were made
in it; if it asks who comes, show it a token for all pools with the roles producer and node.
Those flags and their variables are for that hub: one of the bench's own speaks plainly and asks
nobody.

Examples:
  leasehold bench
  leasehold bench latency --rates 500,5000,50000 --seconds 10
  leasehold bench deep --standing 1000,1000000 --json deep.json
  leasehold bench enqueue claim --hub hub.internal:7411 --tls-ca ca.pem --token-file bench.token
  leasehold bench --full --repeat 3 --json all.json --svg pictures";

/// Of `schedule`.
pub(super) const SCHEDULE: &str = "\
Each instant makes one task, whatever dies meanwhile: the task's id comes of the schedule and the
instant. An instant at most a minute late fires in any case; what becomes of those that passed while
the hub was down for longer is what --misfire says.

Examples:
  leasehold schedule put reports nightly --cron '30 4 * * MON-FRI' --zone Europe/Vienna 'all'
  leasehold schedule put mail sweep --every 10m --priority bulk --expires-after 10m
  leasehold schedule ls reports
  leasehold schedule pause reports nightly";

/// Of `pool`.
pub(super) const POOL: &str = "\
A pool has its settings from the hub's configuration ([pool_defaults], then [pool.NAME]) and, before
both, from what was set here; that is kept in the hub's store. Durations are as 30s or 2m, sizes as
64KiB.

Examples:
  leasehold pool create mail lease=2m attempts_max=10
  leasehold pool set mail rate='100/1s' concurrency_max=20
  leasehold pool set mail lease=                      back to what the configuration says
  leasehold pool pause mail --note 'the relay is down'
  leasehold pool purge mail --state completed
  leasehold pool delete mail --force";

/// Of `chaos`.
pub(super) const CHAOS: &str = "\
Each scene starts a hub, producers and nodes of its own on loopback, hurts them as a seed says, lets
them work off what is left, and judges what all of them recorded. Exit code 0 if every promise was
kept, 1 if not; then the folder with the history is kept, and its name is printed. A scene that the
machine does not allow is passed over, with the reason and exit code 0. A seed draws the same schedule
again with the same --for, on a machine that allows the same acts (root, cc).

Examples:
  leasehold chaos kill                        half a minute of kill -9
  leasehold chaos kill --seed 42 --for 5m     a schedule of five minutes; again, the same one
  leasehold chaos all 10                      all scenes side by side for ten minutes, one table
  leasehold chaos network --closed            through TLS, certificates and tokens made for the run
  leasehold chaos kill --hub-config hub.toml  with your own configuration
  leasehold chaos check DIR                   judge a kept history again

A configuration with TLS, and a hub of yours that runs already and asks who comes:
  leasehold chaos kill --hub-config hub.toml --tls-ca ca.pem --tls-name hub.internal
  leasehold token create chaos --role producer --role node --pool chaos --for 1d --out chaos.token
  leasehold chaos kill --hub hub.internal:7411 --tls-ca ca.pem --token-file chaos.token --for 10m";

/// Of `token`.
pub(super) const TOKEN: &str = "\
A token is shown once, when it is made; the hub keeps a hash of it. It is good at once, and
worthless at once when it is revoked or expires: its sessions end, and their tasks run
elsewhere. The commands ask a running hub, of which you must be an admin of all pools. The first
token is made without a hub: with --data (or --file, for one with auth.file), while the hub does
not run.

Examples:
  leasehold token create me --role admin --data leasehold-data --out ~/.leasehold-token
  export LEASEHOLD_TOKEN_FILE=~/.leasehold-token
  leasehold token create shop --role producer --pool mail --for 30d --out shop.token
  leasehold token create worker-1 --role node --pool mail --node worker-1 --label zone=a
  leasehold token list
  leasehold token revoke shop";
