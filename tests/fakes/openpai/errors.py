"""What the server says when it refuses: {"code", "message"} and the status."""


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message} if code else {"message": message}


def unauthorized(message="Your token is invalid."):
    return Refused(401, "UnauthorizedUserError", message)


def no_api(path):
    return Refused(404, "NoApiError", f"API {path} is not found.")


def no_job(key):
    return Refused(404, "NoJobError", f"Job {key} is not found.")


def no_user(name):
    return Refused(400, "NoUserError", f"User {name} is not found.")


def invalid_parameter(name, why):
    return Refused(400, "InvalidParametersError", f'child "{name}" fails because ["{name}" {why}]')
