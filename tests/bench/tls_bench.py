#!/usr/bin/env python3
"""Measures HTTPS beside nginx: `scripts/bench tls`.

usage: scripts/bench tls [--seconds 3] [--rounds 5] [--clients 64]

The same certificate (P-256), the same answer of five bytes, connections that stay, one process with one thread on either
side; taken in turn, with TLS and without, medians of the rounds.
"""
import argparse, os, re, statistics, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, eventually, free_port


def listens(port):
    return subprocess.run(["curl", "-sk", "-o", "/dev/null", f"http://127.0.0.1:{port}/"], check=False).returncode in (0, 52)


def rate(scheme, port, path, clients, seconds):
    text = subprocess.run(["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", f"{scheme}://127.0.0.1:{port}{path}"],
                          capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"bench: {scheme} on {port}:\n{text}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def start_nginx(folder, port, tls_port, certificate, key):
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
    location / {{ default_type text/plain; return 200 hello; }}
  }}
}}
""")
    return subprocess.Popen(["nginx", "-p", folder, "-c", config], stderr=subprocess.DEVNULL)


def start_sm(folder, name, port, settings):
    return subprocess.Popen([f"{BUILD}/bench_program", "--state", os.path.join(folder, name)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL,
                            env={**os.environ, "SM_BENCH_SERVICES": "1", "SM_HTTP__LISTEN": f"127.0.0.1:{port}", **settings})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sm-bench-") as folder:
        certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-keyout", key, "-out", certificate, "-subj", "/CN=localhost"], check=True, capture_output=True)
        ports = [free_port() for _ in range(4)]
        processes = [start_nginx(folder, ports[0], ports[1], certificate, key), start_sm(folder, "plain", ports[2], {}),
                     start_sm(folder, "tls", ports[3], {"SM_HTTP__TLS_CERTIFICATE": certificate, "SM_HTTP__TLS_KEY": key})]
        try:
            for port in ports:
                eventually(lambda p=port: listens(p), 20)
            rows = {"without TLS": ("http", ports[2], ports[0]), "TLS 1.3": ("https", ports[3], ports[1])}
            print(f"| {options.clients} clients that stay | sm, requests/s | nginx | of it |\n|---|---|---|---|")
            for name, (scheme, ours, theirs) in rows.items():
                pairs = [(rate(scheme, ours, "/hello", options.clients, options.seconds),
                          rate(scheme, theirs, "/", options.clients, options.seconds)) for _ in range(options.rounds)]
                mine, other = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
                print(f"| {name} | {mine:,.0f} | {other:,.0f} | {statistics.median(a / b for a, b in pairs):.2f} |", flush=True)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


main()
