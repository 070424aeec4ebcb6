"""What nobody well-meaning sends, sent all the while to a manager under test and to its queue, by a process of its own user."""
import base64, http.client, json, os, re, socket, threading, time
from collections import Counter

from harness import UnixConnection, api, hostile_documents

BIG = 10_000  # bytes; a document that is longer comes once
QUEUE = "hostile"

# Jobs that must end dead, whatever "@" is: the type "Once" of test_program with the mood to fail.
JOBS = ["@", '{"class":"Once","args":[{"mood":"fail","file":"","x":@}]}', '{"class":@,"args":[]}',
        '{"class":"Once","args":[{"mood":"fail"}],"id":@,"queue_time":@,"prefix":@}',
        '{"class":"Once","args":[{"mood":"fail"}],"sm":@}']

# Where the API takes a document. None of these may do harm, whatever "@" is.
BODIES = [("POST", "/v1/jobs", "@"), ("POST", "/v1/jobs", '{"type":@,"argument":1}'), ("POST", "/v1/jobs", '{"type":"Once","nothing":@}'),
          ("POST", "/v1/jobs/import", '{"queue":@,"payload":@}'), ("POST", "/v1/services", "@"),
          ("POST", "/v1/services", '{"name":"x","type":@}'), ("POST", "/v1/services", '{"name":"x","nothing":@}'),
          ("PUT", "/v1/schedules/x", '{"cron":@,"type":"A"}'), ("POST", "/v1/failed/requeue", '{"nothing":@}'),
          ("PATCH", "/v1/queues/" + QUEUE, '{"nothing":@}'), ("POST", "/v1/commands/echo?timeout=500ms", "@"),
          ("POST", "/v1/services/a/commands/add", '{"x":@}')]
READ = ["/v1/queues", f"/v1/queues/{QUEUE}/jobs?limit=20", "/v1/failed?limit=20", "/v1/jobs?state=running", "/v1/jobs?state=delayed",
        "/v1/services", "/v1/schedules", "/metrics"]

REQUESTS = [
    b"\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /readyz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET http://x/readyz HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%zz%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 65536,
    b"GET /readyz HTTP/9.9\r\n\r\n", b"GET\x00/ HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /readyz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5000, b"GET /" + b"a" * 70000, b"GET / HTTP/1.1\r\nHost: x\r\nX: \r\n y\r\n\r\n",
    b"GET /v1/services/a/logs?tail=99999999999999999999 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/events?since=-1 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1e400\r\n\r\n", b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" * 200,
]
GREETINGS = ["@", '{"role":@}', '{"role":"service","incarnation":@,"token":@,"pid":@}', '{"role":"service","version":@,"phase":@}',
             '{"role":"forks","children":@}', '{"role":"forks","children":[@]}']
DATAGRAMS = [b"", b"=", b"READY", b"READY=1", b"MAINPID=1", b"MAINPID=99999999999999999999", b"EXTEND_TIMEOUT_USEC=-1", b"\x00=\x00\n" * 100,
             b"STATUS=" + b"\xff" * 4000, b"WATCHDOG=trigger\nSTOPPING=1\nRELOADING=1", b"FDSTORE=1\nBARRIER=1"]


def within(around, document):
    return around.encode().replace(b"@", document)


class Hostility:
    """`push` stores the bytes of a job in the queue `hostile`, and is true when that was acknowledged; without it they are
    imported by the API."""

    def __init__(self, state, random, push=None):
        self.state, self.random, self.push = state, random, push or self.import_job
        self.counts, self.acknowledged, self.wrong = Counter(), Counter(), []
        self.over, self.documents = threading.Event(), hostile_documents()
        self.pushed = threading.Lock()
        self.threads = [threading.Thread(target=self.loop, args=pair) for pair in
                        ((self.jobs(), 0.05), (self.bodies(), 0.03), (self.raw_requests(), 0.1), (self.greetings(), 0.1),
                         (self.datagrams(), 0.05))]

    def start(self):
        for t in self.threads:
            t.start()

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()

    def loop(self, steps, pause):
        for step in steps:
            if self.over.wait(pause * self.random.uniform(0.5, 1.5)):
                return
            try:
                step()
            except (OSError, http.client.HTTPException, ValueError):
                self.counts["met a kill"] += 1

    def in_turn(self, places):
        """All documents in all places, shuffled, again and again; the big ones the first time only."""
        first = True
        while True:
            pairs = [(place, name) for place in places for name, text in self.documents.items() if first or len(text) < BIG]
            self.random.shuffle(pairs)
            for place, name in pairs:
                yield place, name, self.documents[name]
            first = False

    # -- jobs

    def jobs(self):
        for place, _, document in self.in_turn(JOBS):
            def step(payload=within(place, document)):
                if self.push(payload):
                    with self.pushed:
                        self.acknowledged[payload] += 1
                    self.counts["jobs"] += 1
            yield step

    def import_job(self, payload):
        line = {"queue": QUEUE, "state": self.random.choice(["ready", "delayed"]), "run_at_ms": 1,
                "payload64": base64.b64encode(payload).decode()}
        return self.request("POST", "/v1/jobs/import", json.dumps(line).encode()) == 200

    # -- requests

    def request(self, method, path, body=None):
        c = UnixConnection(os.path.join(self.state, "sm.sock"), 20)
        try:
            c.request(method, path, body, {"Content-Type": "application/json"})
            reply = c.getresponse()
            text = reply.read()
        finally:
            c.close()
        # Nobody has made the queue yet, it is not there for now, or nobody had the time.
        if reply.status == 500 or (method == "GET" and reply.status not in (200, 404, 503, 504)):
            self.wrong.append(f"{method} {path} {(body or b'')[:60]!r}: {reply.status} {text[:200]!r}")
        return reply.status

    def bodies(self):
        for (method, path, around), _, document in self.in_turn(BODIES):
            def step(body=within(around, document)):
                self.request(method, path, body)
                self.request("GET", self.random.choice(READ))
                self.counts["bodies"] += 1
            yield step

    def raw_requests(self):
        held = []  # half-sent ones, which stay open for a while
        while True:
            def step():
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(2)
                s.connect(os.path.join(self.state, "sm.sock"))
                text = self.random.choice(REQUESTS)
                s.sendall(text if self.random.random() < 0.7 else text[:self.random.randrange(len(text))])
                held.append(s)
                if len(held) > 20:
                    held.pop(0).close()
                self.counts["raw requests"] += 1
            yield step

    # -- other sockets

    def greetings(self):
        for around, _, document in self.in_turn(GREETINGS):
            def step(greeting=within(around, document)):
                ours, passed = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with ours, passed, socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(2)
                    s.connect(os.path.join(self.state, "link.sock"))
                    socket.send_fds(s, [greeting[:60_000] + b"\n"], [passed.fileno()])
                    ours.send(document[:10_000] or b"{}")
                    answer = s.recv(1000)
                    self.counts["greetings"] += 1
                    if answer.startswith(b'{"refusal":""}'):
                        self.counts["greetings that were taken"] += 1
                        s.sendall(document[:10_000])
            yield step

    def datagrams(self):
        while True:
            def step():
                name = self.notify_address()
                if name:
                    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                        s.setblocking(False)
                        for _ in range(5):
                            s.sendto(self.random.choice(DATAGRAMS), name)
                            self.counts["datagrams"] += 1
            yield step

    def notify_address(self):
        """NOTIFY_SOCKET of one of the programs, as everybody of this user can read it."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    ours = os.fsencode(os.path.dirname(self.state)) in f.read()
                with open(f"/proc/{pid}/environ", "rb") as f:
                    found = re.search(rb"(?:^|\0)NOTIFY_SOCKET=([^\0]+)", f.read())
            except OSError:
                continue
            if ours and found:
                return found[1].replace(b"@", b"\0", 1) if found[1].startswith(b"@") else found[1]
        return None

    # -- the end

    def check(self, expect, dead):
        """`dead` are the exception and bytes of each dead job."""
        with self.pushed:
            wanted = Counter(self.acknowledged)
        found, reasons = Counter(), {}
        for exception, payload in dead:
            found[payload] += 1
            reasons.setdefault(payload, set()).add(exception)
        lost = wanted - found
        expect(not lost, f"0 of {sum(wanted.values())} hostile jobs are not among the dead, byte for byte" +
               (f": {[(n, p[:80]) for p, n in lost.most_common(5)]}" if lost else ""))
        nameless = [p[:80] for p in wanted if p in found and "" in reasons[p]]
        expect(not nameless, "each of them with a reason" + (f": {nameless[:5]}" if nameless else ""))
        crashed = [p[:80] for p in wanted if p in found and reasons[p] <= {"sm::LeaseExpired", "sm::DirtyExit"}]
        expect(len(crashed) <= len(wanted) // 20, f"{len(crashed)} of {len(wanted)} kinds ended by crashes of their consumers" +
               (f": {crashed[:5]}" if crashed else ""))
        expect(not self.wrong, "no hostile request is answered with 500" + (f": {self.wrong[:5]}" if self.wrong else ""))
        print("  hostile: " + ", ".join(f"{k}: {v}" for k, v in sorted(self.counts.items())), flush=True)


def dead_in_sqlite(db):
    return [(exception or "", bytes(payload)) for exception, payload in
            db.execute("SELECT exception, CAST(payload AS BLOB) FROM job WHERE state = 3 AND queue = ?", (QUEUE,))]


def dead_in_redis(records):
    """From the elements of the list `failed`."""
    found = []
    for record in records:
        document = json.loads(record)
        if document["queue"] != QUEUE:
            continue
        if "raw64" in document:
            payload = base64.b64decode(document["raw64"])
        else:
            begin = record.index(b'"payload":') + len(b'"payload":')
            payload = record[begin:record.rindex(b',"exception":')]
        found.append((document["exception"], payload))
    return found
