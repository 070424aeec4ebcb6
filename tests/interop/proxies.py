#!/usr/bin/env python3
"""Runs nginx and HAProxy before a manager, as docs/http.md has it, and looks whether the page tells the truth.

usage: tests/interop/proxies.py

With nginx's defaults: which Host is served, and that an event arrives at once. With HAProxy: both forms of `option
httpchk`, and that a stream outlives `timeout server`. With either: a manager that executes its file anew, and a proxy
that is reloaded, cost no request of clients that keep their connections. What is not installed is skipped with its
package's name. Serves on 127.0.0.1 alone. Needs the release build, or the one whose folder SM_BUILD names.
"""
import http.client, os, shutil, signal, socket, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, api, end_when_told, eventually, free_port

PROGRAM = os.path.join(os.environ.get("SM_BUILD", BUILD), "test_program")
CLIENTS = 4
CHANGES = 5  # executions anew, and reloads of the proxy
AT_ONCE_S = 1

NGINX = """
daemon off; master_process on; worker_processes 2; pid FOLDER/nginx.pid; error_log FOLDER/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
  upstream sm { server 127.0.0.1:MANAGER; keepalive 8; }
  # The defaults, by address and by the name of an upstream; and what the page says.
  server { listen 127.0.0.1:BY_ADDRESS; location / { proxy_pass http://127.0.0.1:MANAGER; } }
  server { listen 127.0.0.1:BY_NAME; location / { proxy_pass http://sm; } }
  server {
    listen 127.0.0.1:AS_DOCUMENTED;
    location / {
      proxy_pass http://sm;
      proxy_set_header Host $host;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
"""

HAPROXY = """
global
  stats socket FOLDER/haproxy.sock mode 600 level admin
  stats timeout 5s
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 17s
  timeout tunnel 17s
frontend front
  bind 127.0.0.1:AS_DOCUMENTED
  default_backend by_default
backend by_default
  option httpchk
  server sm 127.0.0.1:MANAGER check inter 200
backend by_readyz
  option httpchk GET /readyz
  http-check send hdr Host localhost
  server sm 127.0.0.1:MANAGER check inter 200
backend by_readyz_alone
  option httpchk GET /readyz
  server sm 127.0.0.1:MANAGER check inter 200
"""


def get(port, path, host=None, token=None, timeout=5):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        c.request("GET", path, headers={**({"Host": host} if host else {}),
                                        **({"Authorization": "Bearer " + token} if token else {})})
        reply = c.getresponse()
        return reply.status, reply.read()
    finally:
        c.close()


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


class Clients:
    """Ask again and again, each on a connection that it keeps; count what was no 200."""
    def __init__(self, port):
        self.port, self.over, self.done, self.failures, self.connections = port, threading.Event(), 0, [], 0
        self.threads = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()

    def ask(self):
        c = None
        while not self.over.is_set():
            fresh = c is None
            if fresh:
                c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                self.connections += 1
            try:
                c.request("GET", "/hello", headers={"Host": "localhost"})
                reply = c.getresponse()
                body = reply.read()
                if reply.status != 200 or body != b"hello":
                    self.failures.append(f"{reply.status} {body[:80]}")
                else:
                    self.done += 1
                if reply.will_close:
                    c.close()
                    c = None
            except (OSError, http.client.HTTPException) as e:
                c.close()
                c = None
                # A kept connection that ended before it answered: each client asks such a GET once more (RFC 9112, 9.3.1).
                if fresh or not isinstance(e, (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)):
                    self.failures.append(repr(e))


class Trial:
    def __init__(self, folder):
        self.folder, self.started = folder, []
        os.mkdir(folder)
        self.state, self.ports = folder + "/state", {}
        for name in ("MANAGER", "BY_ADDRESS", "BY_NAME", "AS_DOCUMENTED"):
            self.ports[name] = free_port()
        self.manager = self.start([PROGRAM, "--state", self.state, "--listen", f"127.0.0.1:{self.ports['MANAGER']}",
                                   "--log-level", "warn"])
        holds(eventually(lambda: api(self.state, "GET", "/readyz")[0] == 200, 30), "the manager is not ready")
        with open(self.state + "/token") as f:
            self.token = f.read().strip()

    def start(self, call):
        with open(self.folder + "/log", "a") as log:
            self.started.append(subprocess.Popen(call, stdout=log, stderr=log))
        return self.started[-1]

    def proxy(self, text, call):
        for name, port in self.ports.items():
            text = text.replace(name, str(port))
        with open(self.folder + "/proxy.conf", "w") as f:
            f.write(text.replace("FOLDER", self.folder))
        started = self.start([*call, self.folder + "/proxy.conf"])
        front = self.ports["AS_DOCUMENTED"]
        holds(eventually(lambda: get(front, "/hello", "localhost")[0] == 200, 10), "nothing arrives through the proxy")
        return started

    def event_arrives(self, port, after_s=0):
        """The seconds from a change to its event, on a stream that was silent for so long before."""
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        c.request("GET", "/v1/events?type=service.*", headers={"Authorization": "Bearer " + self.token, "Host": "localhost"})
        reply = c.getresponse()
        holds(reply.status == 200, f"events: {reply.status}")
        time.sleep(after_s)
        begin, seen = time.monotonic(), b""
        holds(api(self.state, "POST", "/v1/services/a/restart")[0] == 200, "no restart")
        while b'"service":"a","state":"STOPPING"' not in seen:
            more = reply.read1(4096)
            holds(more, f"the stream ended after {after_s} s, with {seen[-200:]}")
            seen += more
        c.close()
        taken = time.monotonic() - begin
        holds(taken < AT_ONCE_S, f"an event took {taken:.1f} s")
        return taken

    def executed_anew(self):
        pid, before = self.manager.pid, self.pids()
        for _ in range(CHANGES):
            status, document = api(self.state, "POST", "/v1/daemon/reexec", timeout=20)
            holds(status == 202, f"reexec: {status} {document}")
            time.sleep(0.3)
            holds(eventually(lambda: api(self.state, "GET", "/readyz")[0] == 200, 20), "not ready after an execution anew")
        holds(self.manager.poll() is None and self.manager.pid == pid and self.pids() == before, "pids changed")

    def pids(self):
        return {i["name"]: i["pid"] for s in api(self.state, "GET", "/v1/services")[1]["services"]
                for i in api(self.state, "GET", "/v1/services/" + s["name"])[1]["instance_list"]}

    def without_loss(self, change):
        with Clients(self.ports["AS_DOCUMENTED"]) as clients:
            holds(eventually(lambda: clients.done > 100, 10), "no request is served")
            change()
            served = clients.done
            holds(eventually(lambda: clients.done > served + 100, 10), "no request is served any more")
        if clients.failures:
            raise AssertionError(f"{len(clients.failures)} of {clients.done + len(clients.failures)} requests were lost: "
                                 f"{clients.failures[0]}")
        return f"{clients.done} requests on {clients.connections} connections"

    def close(self):
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def reloads(process, number):
    def change():
        for _ in range(CHANGES):
            process.send_signal(number)
            time.sleep(0.5)
    return change


def nginx(trial):
    proxy = trial.proxy(NGINX, ["nginx", "-e", trial.folder + "/nginx.log", "-p", trial.folder, "-c"])
    status = get(trial.ports["BY_ADDRESS"], "/hello")[0]
    holds(status == 200, f"proxy_pass to the address: {status}")
    status = get(trial.ports["BY_NAME"], "/hello")[0]
    holds(status == 421, f"Host: $proxy_host, the name of an upstream: {status}, expected 421")
    first = trial.event_arrives(trial.ports["BY_ADDRESS"])
    yield f"an event through the defaults after {first * 1000:.0f} ms"
    yield f"{trial.without_loss(trial.executed_anew)} over {CHANGES} executions anew of the manager, none lost"
    yield f"{trial.without_loss(reloads(proxy, signal.SIGHUP))} over {CHANGES} reloads, none lost"


def haproxy(trial):
    proxy = trial.proxy(HAPROXY, ["haproxy", "-W", "-f"])

    def checks():
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(trial.folder + "/haproxy.sock")
            s.sendall(b"show stat\n")
            lines = s.makefile().read().strip().splitlines()
        names = lines[0].lstrip("# ").split(",")
        rows = [dict(zip(names, line.split(","))) for line in lines[1:]]
        return {r["pxname"]: f"{r['status']} {r['check_status']} {r['check_code']}" for r in rows if r["svname"] == "sm"}

    wanted = {"by_default": "UP L7OK 204", "by_readyz": "UP L7OK 200", "by_readyz_alone": "UP L7OK 200"}
    holds(eventually(lambda: checks() == wanted, 5), f"health checks: {checks()}")
    yield "option httpchk, and with GET /readyz, are up"
    trial.event_arrives(trial.ports["AS_DOCUMENTED"])
    taken = trial.event_arrives(trial.ports["AS_DOCUMENTED"], 20)
    yield f"an event after {taken * 1000:.0f} ms on a stream silent for longer than timeout server"
    yield f"{trial.without_loss(trial.executed_anew)} over {CHANGES} executions anew of the manager, none lost"
    yield f"{trial.without_loss(reloads(proxy, signal.SIGUSR2))} over {CHANGES} reloads, none lost"


def main():
    end_when_told()
    folder, passed, failed, skipped = tempfile.mkdtemp(prefix="sm-proxies-"), 0, 0, 0
    os.chmod(folder, 0o755)  # nginx' workers are of another user when it is root's
    try:
        for name, package, run in (("nginx", "nginx-light", nginx), ("haproxy", "haproxy", haproxy)):
            if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
                print(f"skipped  {name}: not installed (package {package})", flush=True)
                skipped += 1
                continue
            trial = Trial(os.path.join(folder, name))
            try:
                for line in run(trial):
                    print(f"holds    {name}: {line}", flush=True)
                    passed += 1
            except (AssertionError, OSError, http.client.HTTPException) as e:
                print(f"FAILED   {name}: {e}", flush=True)
                failed += 1
                with open(trial.folder + "/log") as f:
                    print("".join("         " + line for line in f.readlines()[-8:]), end="", flush=True)
            finally:
                trial.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
