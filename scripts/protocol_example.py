#!/usr/bin/env python3
"""A small Leasehold node, written from docs/PROTOCOL.md alone, standard library only.

usage: protocol_example.py HOST:PORT [POOL]

Enqueues one task, claims tasks until that one comes, completes each, says bye.
"""

import os
import socket
import struct
import sys
import time
import uuid

RESPONSES = ["Enqueued", "Claimed", "Credited", "Extended", "Done"]  # those read here
REFUSED = 9


# Section 2: how a message becomes bytes.

def varint(n):
    if n <= 250:
        return bytes([n])
    if n < 1 << 16:
        return b"\xfb" + struct.pack("<H", n)
    if n < 1 << 32:
        return b"\xfc" + struct.pack("<I", n)
    return b"\xfd" + struct.pack("<Q", n)


def data(raw):
    return varint(len(raw)) + raw


def text(string):
    return data(string.encode())


def optional(encoded):
    return b"\0" if encoded is None else b"\1" + encoded


def listed(encoded):
    return varint(len(encoded)) + b"".join(encoded)


class Reader:
    def __init__(self, message):
        self.message, self.at = message, 0

    def raw(self, count):
        if self.at + count > len(self.message):
            raise ValueError("the frame is too short for its message")
        self.at += count
        return self.message[self.at - count:self.at]

    def varint(self):
        first = self.raw(1)[0]
        if first <= 250:
            return first
        if first > 253:
            raise ValueError(f"no number begins with {first}")
        form = {251: "<H", 252: "<I", 253: "<Q"}[first]
        return struct.unpack(form, self.raw(struct.calcsize(form)))[0]

    def data(self):
        return self.raw(self.varint())

    def text(self):
        return self.data().decode()

    def list(self, read):
        return [read() for _ in range(self.varint())]

    def proof(self):  # LeaseRef, kept as it came
        begin = self.at
        self.raw(16)  # the task
        self.varint(), self.varint(), self.varint()  # the lease: pool, epoch, number
        return self.message[begin:self.at]

    def delivery(self):
        keys = ["attempt", "lease_ms", "priority", "enqueued_at_ms"]
        delivery = {"proof": self.proof(), **{key: self.varint() for key in keys}}
        return {**delivery, "payload": self.data()}

    def accepted(self):  # the rest of a rejection is not looked at: the example ends with it
        if self.varint() != 0:
            raise RuntimeError(f"rejected: number {self.varint()} of Rejection")

    def enqueued_item(self):
        self.accepted()
        task, known = self.raw(16), self.raw(1)[0]
        return task, self.varint() if known else None

    def end(self):
        if self.at != len(self.message):
            raise ValueError("the frame is longer than its message")


# Sections 1 and 3: frames, the session, requests and responses.

class Session:
    def __init__(self, host, port, node):
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard_at = self.sent_at = time.monotonic()
        self.heartbeat = self.silence = 10.0
        self.received, self.last_id, self.frame_bytes_max = b"", 0, 4096
        incarnation = int.from_bytes(os.urandom(8), "little")
        hello = b"LEASEHLD" + varint(1) + varint(1) + text(node) + varint(incarnation) + varint(0)
        self.send(b"\0" + hello)
        number, reader = self.next_message()
        if number != 0:
            raise RuntimeError(f"expected a welcome, got FromHub {number}")
        self.version, self.id, self.hub = reader.varint(), reader.varint(), reader.text()
        self.heartbeat, self.silence = reader.varint() / 1000, reader.varint() / 1000
        self.frame_bytes_max = reader.varint()

    def send(self, message):
        self.socket.sendall(struct.pack(">I", len(message)) + message)
        self.sent_at = time.monotonic()

    def next_frame(self):
        """The next frame; sends pings while it waits."""
        while True:
            if len(self.received) >= 4:
                length = struct.unpack(">I", self.received[:4])[0]
                if length > self.frame_bytes_max:
                    raise ValueError(f"a frame of {length} bytes")
                if len(self.received) >= 4 + length:
                    frame = self.received[4:4 + length]
                    self.received = self.received[4 + length:]
                    return frame
            if time.monotonic() - self.heard_at > self.silence:
                raise TimeoutError("nothing was heard of the hub")
            if self.last_id and time.monotonic() - self.sent_at > self.heartbeat / 2:
                self.send(b"\2")  # FromNode 2: Ping
            self.socket.settimeout(self.heartbeat / 4)
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                raise ConnectionError("the hub closed the connection")
            self.received += piece
            self.heard_at = time.monotonic()

    def next_message(self):
        while True:
            reader = Reader(self.next_frame())
            number = reader.varint()
            if number == 1:
                raise RuntimeError(f"refused with code {reader.varint()}: {reader.text()}")
            if number == 6:
                raise RuntimeError(f"the hub says bye: {reader.text()}")
            if number != 5:  # a ping is no more than a sign of life
                return number, reader

    def ask(self, number, body, expected):
        """Sends one request and returns a reader of the fields of its response."""
        self.last_id += 1
        self.send(b"\1" + varint(self.last_id) + varint(number) + body)
        while True:
            kind, reader = self.next_message()
            if kind != 2 or reader.varint() != self.last_id:
                continue  # a delivery or a revocation: this node has use for neither
            response = reader.varint()
            if response == REFUSED:
                raise RuntimeError(f"refused: number {reader.varint()} of Rejection")
            if RESPONSES[response] != expected:
                raise RuntimeError(f"expected {expected}, got {RESPONSES[response]}")
            return reader

    def resume(self, proofs):
        reader = self.ask(7, listed(proofs), "Extended")
        reader.list(lambda: (reader.accepted(), reader.varint()))
        reader.end()

    def enqueue(self, pool, task, payload, priority=10):
        item = task + varint(priority) + optional(None) + varint(0) + data(payload)
        reader = self.ask(0, text(pool) + listed([item]), "Enqueued")
        items = reader.list(reader.enqueued_item)
        reader.end()
        return items[0]

    def claim(self, pool, tasks_max, wait_ms):
        body = text(pool) + varint(tasks_max) + varint(wait_ms) + optional(None)
        reader = self.ask(1, body, "Claimed")
        deliveries = reader.list(reader.delivery)
        reader.end()
        return deliveries

    def complete(self, proof, result):
        reader = self.ask(4, listed([proof + optional(data(result))]), "Done")
        reader.list(reader.accepted)
        reader.end()

    def bye(self):
        self.send(b"\3")
        self.socket.close()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    host, _, port = sys.argv[1].rpartition(":")
    pool = sys.argv[2] if len(sys.argv) == 3 else "example"
    session = Session(host, int(port), "python-example")
    print(f"welcome: session {session.id} of {session.hub}, version {session.version}")
    session.resume([])
    mine = uuid.uuid4().bytes
    print("enqueued:", session.enqueue(pool, mine, b"hello from python"))
    print("enqueued again:", session.enqueue(pool, mine, b"hello from python"))
    done = False
    while not done:
        for delivery in session.claim(pool, tasks_max=1, wait_ms=5000):
            task = uuid.UUID(bytes=delivery["proof"][:16])
            print(f"claimed: {task}, attempt {delivery['attempt']}, {delivery['payload']!r}")
            session.complete(delivery["proof"], b"done by python")
            print(f"completed: {task}")
            done = done or task.bytes == mine
    session.bye()


if __name__ == "__main__":
    main()
