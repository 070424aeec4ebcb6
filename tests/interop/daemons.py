#!/usr/bin/env python3
"""Runs real daemons by the specifications of docs/recipes.md, and looks whether the page tells the truth.

usage: tests/interop/daemons.py [NAME...]      needs root (some run as users of their own)

Each daemon starts and serves at the moment it is said to be ready; reloads under load without a failed request where
it can; comes back after kill -9 of its main process with nothing of the old run left; stops cleanly and leaves neither
a process nor a port. What is not installed is skipped with its package's name. Needs the release build, or the one
whose folder SM_BUILD names.
"""
import glob, http.client, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import ROOT, api, end_when_told, eventually, free_port

PROGRAM = os.path.join(os.environ.get("SM_BUILD", os.path.join(ROOT, "build/release")), "examples/simple")
RELOADS = 3


def answers(port, request, expected):
    """One connection, one request; true when what is expected is in the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.settimeout(5)
        if request:
            s.sendall(request)
        data = b""
        while expected not in data:
            more = s.recv(4096)
            if not more:
                raise OSError("closed after %r" % data[:100])
            data += more
        return True


def http_ok(port, path="/"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        c.request("GET", path)
        reply = c.getresponse()
        reply.read()
        if reply.status != 200:
            raise OSError(f"status {reply.status}")
        return True
    finally:
        c.close()


def fastcgi_status(port):
    """The pool's status page, by one FastCGI request."""
    def record(kind, content):
        return bytes([1, kind, 0, 1]) + len(content).to_bytes(2, "big") + b"\0\0" + content

    def pair(name, value):
        return bytes([len(name), len(value)]) + name + value

    parameters = (pair(b"SCRIPT_NAME", b"/status") + pair(b"SCRIPT_FILENAME", b"/status") + pair(b"REQUEST_METHOD", b"GET")
                  + pair(b"QUERY_STRING", b""))
    request = record(1, b"\0\1\0\0\0\0\0\0") + record(4, parameters) + record(4, b"") + record(5, b"")
    return answers(port, request, b"accepted conn")


def postgres_answers(port):
    # SSLRequest, which a server that takes connections answers with one letter.
    return answers(port, (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"), b"N")


def prepare_postgres(folder):
    subprocess.run(["chown", "postgres", folder], check=True)
    subprocess.run(["runuser", "-u", "postgres", "--", "/usr/lib/postgresql/15/bin/initdb", "-A", "trust", "-N", "-D",
                    folder + "/data"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def prepare_apache(folder):
    os.mkdir(folder + "/htdocs")
    with open(folder + "/htdocs/index.html", "w") as f:
        f.write("ok\n")


def prepare_sshd(folder):
    os.makedirs("/run/sshd", exist_ok=True)  # its privilege separation needs it
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder + "/host_key"], check=True)


def prepare_gunicorn(folder):
    with open(folder + "/application.py", "w") as f:
        f.write("def application(environ, start):\n    start('200 OK', [('Content-Length', '3')])\n    return [b'ok\\n']\n")


def prepare_puma(folder):
    with open(folder + "/config.ru", "w") as f:
        f.write("run ->(env) { [200, { 'content-length' => '3' }, [\"ok\\n\"]] }\n")


def owned_by(user):
    return lambda folder: shutil.chown(folder, user)


class Daemon:
    def __init__(self, package, ports, serves, reload=None, prepare=None):
        self.package, self.ports, self.serves, self.reload, self.prepare = package, ports, serves, reload, prepare


# By the heading of the recipe: the ports it names, the serving one first; how to see that it serves; the signal that
# reloads it without a lost request.
DAEMONS = {
    "redis-server": Daemon("redis-server", [6379], lambda p: answers(p, b"PING\r\n", b"+PONG"), prepare=owned_by("redis")),
    "etcd": Daemon("etcd-server", [2379, 2380], lambda p: http_ok(p, "/health")),
    "HAProxy": Daemon("haproxy", [8081], http_ok, "USR2"),
    "PostgreSQL": Daemon("postgresql-15", [5432], postgres_answers, "HUP", prepare_postgres),
    "nginx": Daemon("nginx-light", [8082], http_ok, "HUP"),
    "php-fpm": Daemon("php8.2-fpm", [9000], fastcgi_status),
    "Apache httpd": Daemon("apache2-bin", [8083], http_ok, "USR1", prepare_apache),
    "sshd": Daemon("openssh-server", [2222], lambda p: answers(p, b"", b"SSH-2.0"), None, prepare_sshd),
    "memcached": Daemon("memcached", [11211], lambda p: answers(p, b"version\r\n", b"VERSION")),
    "mosquitto": Daemon("mosquitto", [1883], lambda p: answers(p, b"\x10\x0d\0\4MQTT\4\2\0\x3c\0\1x", b"\x20\2\0\0"), "HUP"),
    "gunicorn": Daemon("gunicorn", [8084], http_ok, "HUP", prepare_gunicorn),
    "puma": Daemon("puma", [8085], http_ok, None, prepare_puma),
}


def recipes():
    """The specification and the files of each heading of the page."""
    with open(os.path.join(ROOT, "docs/recipes.md")) as page:
        sections = re.split(r"^## ", page.read(), flags=re.M)[1:]
    for section in sections:
        name, _, text = section.partition("\n")
        spec = json.loads(re.search(r"```json\n(.*?)```", text, re.S).group(1))
        files = {}
        for block in re.findall(r"(?:^    .*\n)+", text, re.M):
            lines = [line[4:] for line in block.splitlines()]
            if lines[0].startswith("# /srv/"):
                files[lines[0][2:]] = "\n".join(lines[1:]) + "\n"
        yield name, spec, files


def children(pid):
    """Of all its threads: a child is listed with the thread that made it."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path) as f:
                found += [int(child) for child in f.read().split()]
        except OSError:
            pass
    return found


def tree(pid):
    return [pid] + [below for child in children(pid) for below in tree(child)]


def alive(pids):
    """Those that still run, zombies left out, with their start so that a pid that came again is not taken for it."""
    left = []
    for pid, start in pids:
        now = stat(pid)
        if now and now[1] == start and now[0] != "Z":
            left.append(pid)
    return left


def stat(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return fields[0], fields[19]
    except OSError:
        return None


class Trial:
    def __init__(self, state, name, spec, files, daemon, folder):
        self.state, self.title, self.daemon = state, name, daemon
        self.folder = os.path.join(folder, re.sub(r"\W", "", name).lower())
        replaced = {"/srv/" + m: None for m in set(re.findall(r"/srv/(\w+)", json.dumps(spec) + "".join(files)))}
        self.place = next(iter(replaced), None)
        self.ports = {port: free_port() for port in daemon.ports}
        self.spec = json.loads(self.fit(json.dumps(spec)))
        self.files = {self.fit(path): self.fit(text) for path, text in files.items()}
        self.name, self.port = self.spec["name"], self.ports[daemon.ports[0]]

    def fit(self, text):
        """The recipe's paths and ports as this trial's own."""
        if self.place:
            text = text.replace(self.place, self.folder)
        for port, own in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(own), text)
        return text

    def call(self, method, path, body=None, timeout=100):
        status, document = api(self.state, method, path, body, timeout)
        if status >= 300:
            raise AssertionError(f"{method} {path}: {status} {document}")
        return document

    def shown(self):
        return self.call("GET", f"/v1/services/{self.name}")

    def instance(self):
        return self.shown()["instance_list"][0]

    def becomes_ready(self, other_than=None):
        def ready():
            i = self.instance()
            return i["ready"] and i.get("pid", 0) not in (0, other_than)
        if not eventually(ready, 60, 0.005):
            raise AssertionError(f"not ready: {self.shown()}")
        self.daemon.serves(self.port)  # at once, at the first try

    def processes(self):
        adapter = self.instance()["adapter_pid"]
        found = [(pid, s[1]) for pid in tree(adapter)[1:] if (s := stat(pid))]
        if not found:
            raise AssertionError("it runs, and no process of it is found")
        return found

    def run(self):
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        for path, text in self.files.items():
            with open(path, "w") as f:
                f.write(text)
        if self.daemon.prepare:
            self.daemon.prepare(self.folder)
        self.call("POST", "/v1/services", self.spec)
        self.becomes_ready()
        if self.daemon.reload:
            self.reload_under_load()
        self.kill()
        self.stop()

    def reload_under_load(self):
        over, failures, done = threading.Event(), [], [0]

        def load():
            while not over.is_set():
                try:
                    self.daemon.serves(self.port)
                    done[0] += 1
                except (OSError, http.client.HTTPException) as e:
                    failures.append(repr(e))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for t in threads:
            t.start()
        try:
            for _ in range(RELOADS):
                before = {pid for pid, _ in self.processes()}
                served = done[0]
                self.call("POST", f"/v1/services/{self.name}/signal", {"signal": self.daemon.reload})
                # Where it shows in new processes, they are awaited; else some hundred requests are.
                eventually(lambda: {pid for pid, _ in self.processes()} != before and done[0] > served + 100, 3)
        finally:
            over.set()
            for t in threads:
                t.join()
        if failures:
            raise AssertionError(f"{len(failures)} of {done[0] + len(failures)} failed over reloads: {failures[0]}")
        self.requests = done[0]

    def kill(self):
        old = self.processes()
        main = self.instance()["pid"]
        os.kill(main, signal.SIGKILL)
        self.becomes_ready(other_than=main)
        if left := alive(old):
            raise AssertionError(f"of the killed run are left: {left}")

    def stop(self):
        old = self.processes()
        shown = self.call("POST", f"/v1/services/{self.name}/stop?wait=95s")
        if shown["state"] != "STOPPED":
            raise AssertionError(f"is {shown['state']} after a stop")
        if left := alive(old):
            raise AssertionError(f"STOPPED, and there are left: {left}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", self.port)) == 0:
                raise AssertionError("STOPPED, and its port takes connections")
        self.call("DELETE", f"/v1/services/{self.name}?wait=10s")


def main():
    end_when_told()
    if os.geteuid() != 0:
        sys.exit("daemons: some run as users of their own; run it as root")
    wanted = sys.argv[1:]
    folder = tempfile.mkdtemp(prefix="sm-daemons-")
    os.chmod(folder, 0o755)
    state = os.path.join(folder, "state")
    manager = subprocess.Popen([PROGRAM, "--state", state, "--set", "http.listen=", "--log-level", "warn"],
                               stdout=subprocess.DEVNULL)
    passed, failed, skipped = 0, 0, 0
    try:
        if not eventually(lambda: api(state, "GET", "/healthz")[0] == 200, 10):
            sys.exit("daemons: the manager does not answer")
        for name, spec, files in recipes():
            if wanted and name not in wanted:
                continue
            daemon = DAEMONS[name]
            if not shutil.which(spec["command"][0], path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
                print(f"skipped  {name}: not installed (package {daemon.package})", flush=True)
                skipped += 1
                continue
            trial, start = Trial(state, name, spec, files, daemon, folder), time.monotonic()
            trial.requests = 0
            try:
                trial.run()
                print(f"holds    {name} ({time.monotonic() - start:.1f} s; {trial.requests} requests over reloads)", flush=True)
                passed += 1
            except (AssertionError, OSError, http.client.HTTPException, subprocess.SubprocessError) as e:
                print(f"FAILED   {name}: {e}", flush=True)
                failed += 1
                log = os.path.join(state, "log", f"{trial.name}:0.log")
                if os.path.exists(log):
                    with open(log) as f:
                        print("".join("         " + line for line in f.readlines()[-8:]), end="", flush=True)
                api(state, "DELETE", f"/v1/services/{trial.name}?wait=20s", timeout=30)
    finally:
        manager.terminate()
        try:
            manager.wait(30)
        except subprocess.TimeoutExpired:
            manager.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
