"""What the scripts that run whole managers share: ports, the management API, waiting."""
import http.client, json, os, random, re, signal, socket, sys, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build/release/tests")


def end_when_told():
    """An interruption ends the script with its clean-up, also where it runs in a shell's background."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def free_port():
    """A port below those that connections take for their own end: it stays free while nobody listens."""
    for port in random.sample(range(10000, 30000), 100):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise OSError("no port is free")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=5):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def api(state, method, path, body=None, timeout=5):
    """Status and document of a request to the manager of a state folder."""
    c = UnixConnection(os.path.join(state, "sm.sock"), timeout)
    try:
        c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        reply = c.getresponse()
        text = reply.read()
        return reply.status, json.loads(text) if "json" in reply.getheader("Content-Type", "") else text
    finally:
        c.close()


def eventually(condition, timeout, pause=0.02):
    """Looks until it holds; False when it does not in time. What fails to answer does not hold."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if condition():
                return True
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)


def hostile_documents():
    """The table of hostile_documents.txt: bytes by name."""
    def expand(match):
        byte, count, text = match.groups()
        return bytes([int(byte, 16)]) if byte else text * int(count)
    found = {}
    with open(os.path.join(ROOT, "tests/support/hostile_documents.txt"), "rb") as f:
        for line in f:
            name, tab, text = line.rstrip(b"\n").partition(b"\t")
            if tab and not name.startswith(b"#"):
                found[name.decode()] = re.sub(rb"<(?:x(..)|(\d+)\*([^>]*))>", expand, text)
    return found
