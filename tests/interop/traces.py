#!/usr/bin/env python3
"""One request followed by its trace id: through the access log, a service and its log, another service, a job, a worker in
Ruby and back to a job, and what a collector of OpenTelemetry gets of it.

usage: tests/interop/traces.py PROGRAM

The program is test_program. Needs redis-server and ruby with the gem redis; without them it ends with 77, which stands
for "skipped". The worker is Resque's where that gem is installed, else one that takes jobs as it does.
"""
import http.server, json, os, shutil, signal, subprocess, sys, tempfile, threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import harness

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"

WORKER = """
require "json"
require "redis"
STORE = Redis.new(port: ARGV[0].to_i)
def perform(job)
  note, traceparent = job["args"][0], job["traceparent"]
  File.open(note["file"], "a") { |f| f.puts "ruby #{note["number"]} #{traceparent}" }
  STORE.sadd("resque:queues", ["default"])
  STORE.rpush("resque:queue:default",
              { "class" => "Note", "traceparent" => traceparent,
                "args" => [note.merge("number" => note["number"] + 1, "mood" => "")] }.to_json)
end
begin
  require "resque"
  Resque.redis = "redis://127.0.0.1:#{ARGV[0]}"
  Resque.after_fork { |job| $job = job.payload }
  class RubyNote
    def self.perform(note) = Object.send(:perform, $job)
  end
  puts "Resque #{Resque::VERSION}"
  Resque::Worker.new("ruby").work(0.1)
rescue LoadError
  puts "no Resque"
  loop { perform(JSON.parse(STORE.blpop("resque:queue:ruby")[1])) }
end
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


class Collector:
    """Takes what an exporter sends, as a collector does; the first document it is too busy for."""

    def __init__(self):
        self.spans, self.documents, self.busy = {}, 0, True
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = 503 if collector.busy else 200
                collector.busy = False
                if status == 200 and self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json":
                    collector.take(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, document):
        self.documents += 1
        for group in document["resourceSpans"]:
            of = {a["key"]: a["value"]["stringValue"] for a in group["resource"]["attributes"]}
            for scope in group["scopeSpans"]:
                for span in scope["spans"]:
                    self.spans[span["spanId"]] = dict(span, instance=of["service.instance.id"],
                                                      service=of["service.name"])

    def named(self, name):
        return [s for s in self.spans.values() if s["name"] == name]


def lines_with(path, text):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if text in line]


def main():
    harness.end_when_told()
    if not shutil.which("redis-server") or not shutil.which("ruby"):
        skip("needs redis-server and ruby")
    if subprocess.run(["ruby", "-e", 'require "redis"'], stderr=subprocess.DEVNULL).returncode:
        skip("needs Ruby's gem redis")
    folder = tempfile.mkdtemp(prefix="sm-traces-")
    state, file = os.path.join(folder, "state"), os.path.join(folder, "notes")
    collector, running = Collector(), []
    try:
        port = harness.free_port()
        running.append(subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir",
                                         folder], stdout=subprocess.DEVNULL))
        with open(os.path.join(folder, "worker.rb"), "w") as f:
            f.write(WORKER)
        running.append(subprocess.Popen(["ruby", os.path.join(folder, "worker.rb"), str(port)], stderr=subprocess.DEVNULL))
        settings = [f"trace.endpoint={collector.url}", "trace.sample=0", "log.access=true",
                    f"queue.url=redis://127.0.0.1:{port}"]
        manager = subprocess.Popen([sys.argv[1], "--state", state, "--listen", "127.0.0.1:0",
                                    *sum((["--set", s] for s in settings), [])],
                                   env=dict(os.environ, TEST_CONSUMER='{"isolate": true, "queues": ["default"]}'), stderr=subprocess.DEVNULL)
        running.insert(0, manager)
        assert harness.eventually(lambda: harness.api(state, "GET", "/readyz")[0] == 200, 60), "the manager is not ready"

        def ask(path, body, trace=TRACE):
            c = harness.UnixConnection(os.path.join(state, "sm.sock"), 30)
            c.request("POST", path, json.dumps(body), {"Content-Type": "application/json",
                                                       "traceparent": f"00-{trace}-{CALLER}-01"})
            reply = c.getresponse()
            return reply.status, json.loads(reply.read() or b"null")

        note = {"file": file, "number": 1, "mood": "ruby"}
        assert ask("/v1/services/a/commands/note", note)[0] == 200
        assert ask("/v1/services/a/commands/ask", "b")[0] == 200
        refused = ask("/v1/services/nobody/commands/x", None)
        assert refused[1]["trace_id"] == TRACE, refused

        def noted():
            with open(file, encoding="utf-8") as f:
                return f.read().splitlines()

        assert harness.eventually(lambda: len(noted()) == 3, 60), "the job, Ruby's and the last one: " + open(file).read()
        assert noted()[0] == "1" and noted()[2] == "3", noted()
        number, traceparent = noted()[1].split()[1:]
        assert number == "2" and traceparent.split("-")[1] == TRACE, noted()

        log = os.path.join(state, "log")
        asked = ["/v1/services/a/commands/note", "/v1/services/a/commands/ask", "/v1/services/nobody/commands/x"]
        assert harness.eventually(
            lambda: [e["path"] for e in lines_with(os.path.join(log, "access.log"), TRACE)] == asked, 10), "access.log"
        assert [e["msg"] for e in lines_with(os.path.join(log, "a:0.log"), TRACE)] == ["notes 1"]
        performed = [e["msg"] for e in lines_with(os.path.join(log, "consumer.default:0.log"), TRACE)]
        assert sum(m.startswith("performing Note") for m in performed) == 2, performed

        def all_there():
            return len(collector.named("perform Note")) == 2 and len(collector.named("pid")) == 2

        assert harness.eventually(all_there, 30), sorted((s["name"], s["instance"]) for s in collector.spans.values())
        assert all(s["traceId"] == TRACE for s in collector.spans.values())

        def up(span):
            """The instances that recorded it and what it belongs to, from the request on."""
            above = collector.spans.get(span["parentSpanId"])
            if above is None:
                assert span["parentSpanId"] == CALLER, span
                return [span["instance"]]
            return up(above) + [span["instance"]]

        # The second job is the first one's by way of Ruby, which records no span of its own.
        first, second = sorted(map(up, collector.named("perform Note")), key=len)
        assert first == ["manager", "manager", "a:0", "consumer.default:0"], first
        assert second == first + ["consumer.default:0"], second
        answered = [s for s in collector.named("pid") if s["instance"] == "b:0"]
        assert up(answered[0]) == ["manager", "manager", "a:0", "manager", "b:0"], up(answered[0])
        failed = [s for s in collector.spans.values() if "status" in s]
        assert not failed, failed
        assert {type(v) for s in collector.named("pid") for a in s["attributes"] for v in a["value"].values()} == {str}
        # A process that dies tells nothing: its consumer does.
        crash = {"type": "Once", "argument": {"file": file, "number": 9, "mood": "crash"}}
        assert ask("/v1/jobs", crash)[0] == 201
        assert harness.eventually(lambda: len(collector.named("perform Once")) == 3, 60), "an attempt each time"
        for died in collector.named("perform Once"):
            assert died["status"]["code"] == 2 and "signal 9" in died["status"]["message"], died
            assert up(died) == ["manager", "consumer.default:0"], up(died)
        assert len(lines_with(os.path.join(log, "consumer.default:0.log"), "was killed by signal 9\",\"trace_id\":\"" + TRACE)) == 3
        # Fired by hand, a schedule's job belongs to the request.
        c = harness.api(state, "PUT", "/v1/schedules/later", {"cron": "@yearly", "type": "Noop"})
        assert c[0] in (200, 201), c
        assert ask("/v1/schedules/later/run", None)[0] in (200, 201, 202)
        assert harness.eventually(lambda: len(collector.named("perform Noop")) == 1, 30), "perform Noop"
        assert up(collector.named("perform Noop")[0]) == ["manager", "consumer.default:0"]

        def metrics():
            return harness.api(state, "GET", "/metrics")[1].decode()

        assert harness.eventually(
            lambda: f'sm_trace_spans_total{{outcome="exported"}} {len(collector.spans)}' in metrics(), 10)
        seen = [line for line in metrics().splitlines() if f'# {{trace_id="{TRACE}"}}' in line]
        assert any(line.startswith("sm_command_duration_seconds_bucket") for line in seen), seen
        assert any(line.startswith("sm_http_request_duration_seconds_bucket") for line in seen), seen
        # Each of the jobs had a process of its own.
        noted = 'notes_total{service="consumer.default",process="consumer.default:0"} 2'
        assert harness.eventually(lambda: noted in metrics(), 10), noted
        print(f"one trace through {len(collector.spans)} spans: access log, a, b, a job, Ruby, a job")
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
