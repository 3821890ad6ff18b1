"""Users and tokens: HS256 JWTs as the server makes them."""
import base64
import hashlib
import hmac
import json
import time

from errors import Refused, invalid_parameter, no_user, unauthorized

SEVEN_DAYS = 7 * 24 * 3600


def _part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Auth:
    def __init__(self, secret):
        self.secret = secret
        self.users = {}  # name: {password, admin, virtualCluster, storageConfig}
        self.revoked = set()
        self.method = "basic"  # or "OIDC"
        self.lifetime_s = SEVEN_DAYS

    def add_user(self, name, password, admin=False, clusters=("default",), storages=()):
        self.users[name] = {"password": password, "admin": admin, "virtualCluster": list(clusters),
                            "storageConfig": list(storages)}

    def token(self, user, application=False):
        now = int(time.time())
        claims = {"username": user, "application": application, "jobSpecific": False,
                  "encodedFrameworkName": "", "iat": now}
        if not application:
            claims["exp"] = now + self.lifetime_s
        head = _part(b'{"alg":"HS256","typ":"JWT"}') + "." + _part(json.dumps(claims).encode())
        return head + "." + self._signature(head)

    def _signature(self, head):
        return _part(hmac.new(self.secret, head.encode(), hashlib.sha256).digest())

    def claims(self, header):
        """Of an Authorization header."""
        if not header:
            raise unauthorized("Guest is not allowed to do this operation.")
        scheme, _, token = header.partition(" ")
        head, _, signature = token.rpartition(".")
        if scheme != "Bearer" or token in self.revoked or not hmac.compare_digest(signature, self._signature(head)):
            raise unauthorized()
        payload = head.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims.get("exp", time.time() + 1) < time.time() or claims["username"] not in self.users:
            raise unauthorized()
        return {**claims, "admin": self.users[claims["username"]]["admin"]}

    def login(self, form):
        name, password = form.get("username"), form.get("password")
        if not name:
            raise invalid_parameter("username", "is required")
        if not password:
            raise invalid_parameter("password", "is required")
        if len(password) < 6:
            raise invalid_parameter("password", "length must be at least 6 characters long")
        if name not in self.users:
            raise no_user(name)
        if self.users[name]["password"] != password:
            raise Refused(400, "IncorrectPasswordError", "Password is incorrect.")
        return {"user": name, "token": self.token(name), "admin": self.users[name]["admin"]}
