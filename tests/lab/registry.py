"""A registry that holds one image and asks for a name and a password (distribution-spec, pull only)."""
import base64
import hashlib
import http.server
import io
import json
import tarfile

from lab.web import serving

USER, PASSWORD = "puller", "s3cret-of-the-registry"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def one_layer(files):
    """{name: content} as an uncompressed layer, all executable."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.mode, info.size = 0o755, len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def image_config(layer, architecture="amd64"):
    return json.dumps({"architecture": architecture, "os": "linux", "config": {},
                       "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()


def saved_image(name, layer, architecture):
    """What `docker load` reads."""
    config = image_config(layer, architecture)
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    return one_layer({"config.json": config, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()})


class Registry(http.server.ThreadingHTTPServer):
    """Serves private/app:1."""
    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Answers)
        layer = one_layer(files)
        config = image_config(layer)
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": kind,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config),
                       "digest": digest(config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": len(layer),
                        "digest": digest(layer)}]}).encode()
        self.answers = {"/v2/private/app/manifests/1": (kind, manifest)}
        for data in (layer, config, manifest):
            kind_of = kind if data is manifest else "application/octet-stream"
            for place in ("blobs", "manifests"):
                self.answers[f"/v2/private/app/{place}/{digest(data)}"] = (kind_of, data)


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            return self.reply(401, "application/json", b"{}", body, ("WWW-Authenticate", 'Basic realm="lab"'))
        if self.path == "/v2/":
            return self.reply(200, "application/json", b"{}", body)
        if found := self.server.answers.get(self.path):
            return self.reply(200, *found, body, ("Docker-Content-Digest", digest(found[1])))
        return self.reply(404, "application/json", b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', body)

    def reply(self, status, kind, data, body, *headers):
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(data))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def do_GET(self):  # noqa: N802 (the base class names it)
        self.answer(body=True)

    def do_HEAD(self):  # noqa: N802
        self.answer(body=False)

    def log_message(self, *_):
        pass


def registry(files):
    return serving(Registry(files))
