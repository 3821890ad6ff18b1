"""python3 tests/fakes/openpai --listen ADDRESS:PORT --state DIR [--docker HOST] [--node-ip IP] [--tls PEM] [--shell WORDS] [-- DOCKER-RUN-OPTION...]"""
import argparse
import signal
import ssl
import sys
import threading

import server


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--listen", default="127.0.0.1:0")
    options.add_argument("--state", required=True)
    options.add_argument("--docker")
    options.add_argument("--node-ip", default="127.0.0.1")
    options.add_argument("--tls", help="a file with a certificate and its key")
    options.add_argument("--shell", default="bash", help="of tasks that are processes")
    options.add_argument("docker_options", nargs="*")
    given = options.parse_args()
    fake = server.Fake(given.state, given.docker, given.docker_options, given.node_ip, given.shell.split())
    host, _, port = given.listen.rpartition(":")
    http = server.listen(fake, host, int(port))
    if given.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.tls)
        http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=http.shutdown).start())
    fake.url = f"{'https' if given.tls else 'http'}://{http.server_address[0]}:{http.server_address[1]}"
    print(fake.url, flush=True)
    http.serve_forever()
    fake.end()
    return 0


sys.exit(main())
