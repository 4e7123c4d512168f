#!/usr/bin/env python3
"""Records what a release leaves behind and says: a store of each kind, and whole sessions.

    scripts/record_release.py PROGRAM NAME [ENGINE]

PROGRAM is the `leasehold` of that release, NAME what the recording is called, such as 3-sled: the
format of the data folder and the engine. It writes into tests/upgrade/NAME:

    killed.tar.gz    the data folder of a hub that was killed with SIGKILL, in the middle of work
    ended.tar.gz     the same after that hub was started again and ended in good order
    tasks.json       what the release itself says of each task, before it was killed
    sessions.jsonl   all that went over the wire: the command, what it printed, and each frame

tests/e2e/upgrade.rs and `leasehold chaos upgrade` hold every later version to these. A recording is
never changed; what a later format adds is recorded beside it. Needs Python 3 and tar.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

LARGE = "leasehold " * 2_000


def task_id(number):
    return f"018f0000-0000-7000-8000-{number:012d}"


class Recorder:
    """Between a command and the hub: writes each frame down as it passes."""

    def __init__(self, hub):
        self.hub, self.lines, self.count = hub, [], 0
        self.lock = threading.Lock()
        self.pumps = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            node, _ = self.listener.accept()
            hub = socket.create_connection(self.hub)
            with self.lock:
                self.count += 1
                number = self.count
            for by, source, sink in (("node", node, hub), ("hub", hub, node)):
                pump = threading.Thread(target=self.pump, args=(number, by, source, sink), daemon=True)
                self.pumps.append(pump)
                pump.start()

    def pump(self, number, by, source, sink):
        rest = b""
        while True:
            try:
                heard = source.recv(65536)
            except OSError:
                heard = b""
            if not heard:
                break
            rest += heard
            while len(rest) >= 4 and len(rest) >= 4 + int.from_bytes(rest[:4], "big"):
                end = 4 + int.from_bytes(rest[:4], "big")
                line = {"connection": number, "by": by, "frame": rest[4:end].hex()}
                with self.lock:
                    self.lines.append(line)
                rest = rest[end:]
            sink.sendall(heard)
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def settle(self):
        for pump in self.pumps:
            pump.join(10)
        self.pumps = []


class Release:
    def __init__(self, program, engine, folder):
        self.program, self.folder = program, folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LEASEHOLD_")}
        self.env["RUST_LOG"] = "warn"
        if engine:
            self.env["LEASEHOLD_STORE_ENGINE"] = engine
        self.hub, self.address = None, None

    def start(self):
        command = [self.program, "hub", "--listen", "127.0.0.1:0", "--data", f"{self.folder}/data"]
        self.hub = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, text=True)
        said = self.hub.stdout.readline()
        host, port = re.search(r"listening on (\S+):(\d+)", said).groups()
        self.address = (host, int(port))

    def end(self, how):
        self.hub.send_signal(how)
        self.hub.wait()

    def command(self, address, args):
        return [self.program, *args, "--hub", address]

    def says(self, address, *args, **how):
        command = self.command(address, args)
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60, **how)
        return done.returncode, done.stdout

    def knows(self, verb):
        code, _ = self.says("127.0.0.1:1", verb, "--help")
        return code == 0


def record(release, recorder):
    """All that is done, in the words of the command line."""

    def run(*args, ok=0):
        recorder.lines.append({"run": list(args)})
        code, said = release.says(recorder.address, *args)
        recorder.settle()
        recorder.lines.append({"said": said, "code": code})
        assert code == ok, (args, code, said)
        return said

    run("enqueue", "mail", "hello", "--id", task_id(1), "--priority", "3")
    run("work", "mail", "--exec", "tr a-z A-Z", "--name", "old-node", "--until-empty")
    run("enqueue", "mail", "dies", "--id", task_id(3), "--priority", "3", "--attempts-max", "1")
    run("work", "mail", "--exec", "echo no >&2; exit 1", "--name", "old-node", "--until-empty")
    run("enqueue", "mail", "off", "--id", task_id(4), "--priority", "3")
    run("cancel", task_id(4))
    run("enqueue", "mail", "held", "--id", task_id(5), "--priority", "0")


def hold(release):
    """A node that holds a task until the hub is gone."""
    address = "%s:%d" % release.address
    command = release.command(address, ["work", "mail", "--exec", "sleep 1000", "--name", "holder"])
    holder = subprocess.Popen(command, env=release.env, stdout=subprocess.DEVNULL)
    while json.loads(release.says(address, "task", task_id(5), "--json")[1])["state"] != "claimed":
        time.sleep(0.05)
    return holder


def leave(release):
    """What waits, in two pools, short and long; and what later releases added."""
    address = "%s:%d" % release.address
    large = pathlib.Path(release.folder, "large")
    large.write_text(LARGE)
    ids = [1, 2, 3, 4, 5, 6]

    def run(*args):
        code, said = release.says(address, *args)
        assert code == 0, (args, said)

    run("enqueue", "mail", "--file", str(large), "--id", task_id(2), "--priority", "4")
    run("enqueue", "other", "waits", "--id", task_id(6), "--priority", "7")
    if release.knows("schedule"):
        mail = ["enqueue", "mail"]
        run(*mail, "keyed", "--id", task_id(7), "--priority", "5", "--key", "k", "--group", "g")
        run(*mail, "later", "--id", task_id(8), "--priority", "5", "--after", task_id(7))
        run(*mail, "soon", "--id", task_id(9), "--run-at", "2099-01-01T00:00:00Z", "--retry", "base=2s")
        run("pool", "set", "other", "lease=77s")
        run("schedule", "put", "other", "yearly", "on time", "--cron", "0 0 1 1 *", "--misfire", "skip")
        ids += [7, 8, 9]
    tasks = {}
    for number in ids:
        tasks[task_id(number)] = json.loads(release.says(address, "task", task_id(number), "--json")[1])
    return tasks


def pack(folder, to):
    def plain(member):
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(to, "w:gz", compresslevel=9) as tar:
        tar.add(f"{folder}/data", arcname="data", filter=plain)
    print(f"{to}: {os.path.getsize(to)} bytes")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    program, name = os.path.abspath(sys.argv[1]), sys.argv[2]
    to = pathlib.Path(__file__).resolve().parent.parent / "tests" / "upgrade" / name
    if to.exists():
        sys.exit(f"{to} is there already: a recording is never changed")
    to.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        release = Release(program, sys.argv[3] if len(sys.argv) == 4 else None, folder)
        release.start()
        recorder = Recorder(release.address)
        record(release, recorder)
        holder = hold(release)
        tasks = leave(release)
        release.end(signal.SIGKILL)
        holder.kill()
        pack(folder, to / "killed.tar.gz")
        release.start()
        release.end(signal.SIGTERM)
        pack(folder, to / "ended.tar.gz")
    (to / "tasks.json").write_text(json.dumps(tasks, indent=1) + "\n")
    lines = "".join(json.dumps(line) + "\n" for line in recorder.lines)
    (to / "sessions.jsonl").write_text(lines)
    print(f"{to}: {len(tasks)} tasks, {recorder.count} sessions")


if __name__ == "__main__":
    main()
