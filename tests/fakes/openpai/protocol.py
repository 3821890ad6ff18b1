"""The job protocol as the server enforces it: its schema, and what it checks and changes beyond."""
import json
import re
from pathlib import Path

import jsonschema
import yaml

from errors import Refused

MAX_BODY = 100 * 1024


DATA = json.loads(Path(__file__).with_name("job-protocol-v2.rest-server-ajv.json").read_text())


def _referred(reference):
    """What "base.json#/properties/name" leads to."""
    file, _, path = reference.partition("#")
    value = DATA[file.removesuffix(".json") or "protocol"]
    for step in filter(None, path.split("/")):
        value = value[step]
    return value


def _merged(value):
    """The schema in one piece: references into the base, and ajv-merge-patch's $merge (RFC 7396)."""
    if isinstance(value, list):
        return [_merged(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _merged(_referred(value["$ref"]))
    if "$merge" in value:
        return _patched(_merged(value["$merge"]["source"]), _merged(value["$merge"]["with"]))
    return {key: _merged(item) for key, item in value.items()}


def _patched(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), item)
    return result


SCHEMA = _merged(DATA["protocol"])


def _data_path(error):
    path = ""
    for step in error.absolute_path:
        if isinstance(step, int):
            path += f"[{step}]"
        elif re.fullmatch(r"[a-zA-Z_]\w*", step) and path not in (".taskRoles",) and not path.endswith(".ports"):
            path += f".{step}"
        else:
            path += f"['{step}']"
    return path


def _as_ajv(error):
    """One error of jsonschema in the words of ajv."""
    keyword, value = error.validator, error.validator_value
    params, message = {}, error.message
    if keyword == "type":
        params, message = {"type": value}, f"should be {value}"
    elif keyword == "pattern":
        params, message = {"pattern": value}, f'should match pattern "{value}"'
    elif keyword == "minimum":
        params = {"comparison": ">=", "limit": value, "exclusive": False}
        message = f"should be >= {value}"
    elif keyword == "required":
        missing = next(name for name in value if name not in error.instance)
        params, message = {"missingProperty": missing}, f"should have required property '{missing}'"
    elif keyword == "additionalProperties":
        known = error.schema.get("properties", {})
        patterns = error.schema.get("patternProperties", {})
        extra = next(name for name in error.instance
                     if name not in known and not any(re.search(p, name) for p in patterns))
        params, message = {"additionalProperty": extra}, "should NOT have additional properties"
    return {"keyword": keyword, "dataPath": _data_path(error),
            "schemaPath": "#/" + "/".join(str(step) for step in error.absolute_schema_path),
            "params": params, "message": message}


def _refuse(message):
    raise Refused(400, "InvalidProtocolError", message)


def _check_references(job):
    known = {}
    for one in job.get("prerequisites") or []:
        if (one["type"], one["name"]) in known:
            _refuse(f"Duplicate {one['type']} prerequisites {one['name']}.")
        known[one["type"], one["name"]] = one
    for role in job["taskRoles"].values():
        for field, kind in (("dockerImage", "dockerimage"), ("data", "data"), ("output", "output"), ("script", "script")):
            if field in role and (kind, role[field]) not in known:
                _refuse(f"Prerequisite {role[field]} does not exist.")


def role_name(name):
    return re.sub("[^a-z0-9]", "", name.lower())


def parse(content_type, body):
    """The job of a POST."""
    if len(body) > MAX_BODY:
        raise Refused(413, "", "request entity too large")
    job = {}
    if content_type.startswith("text/"):
        try:
            job = yaml.safe_load(body)
        except yaml.YAMLError as error:
            raise Refused(500, "", str(error)) from error
    elif content_type.startswith("application/json"):
        job = None  # parsed by something else in front, and then not found
    if not isinstance(job, dict) or not job:
        _refuse(json.dumps([{"keyword": "type", "dataPath": "", "schemaPath": "#/type",
                             "params": {"type": "object"}, "message": "should be object"}]))
    validator = jsonschema.Draft7Validator(SCHEMA)
    for error in validator.iter_errors(job):
        _refuse(json.dumps([_as_ajv(error)]))
    _check_references(job)
    if any("instances" not in role for role in job["taskRoles"].values()):
        raise Refused(500, "UnknownError", 'invalid input syntax for type integer: "NaN"')
    return job


def rendered(text, job):
    """`<% $parameters.x %>` and `<% $secrets.x %>` in their places."""
    def value(match):
        group = job.get(match.group(1)) or {}
        return str(group.get(match.group(2), match.group(0)))
    return re.sub(r"<%\s*\$(parameters|secrets)\.(\w+)\s*%>", value, text)
