# SPDX-License-Identifier: Apache-2.0
"""What the control API answers, held against its own description."""

import functools
import json
import re
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]


@functools.lru_cache(maxsize=None)
def description():
    return json.loads((ROOT / "control/http/openapi.json").read_text())


@functools.lru_cache(maxsize=None)
def _paths():
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(p)) + "$"),
             p) for p in description()["paths"]]


@functools.lru_cache(maxsize=None)
def _checker(path, method, status):
    op = description()["paths"][path].get(method.lower())
    if not op:  # 405
        schema = {"$ref": "#/components/schemas/Error"}
    elif str(status) in op["responses"]:
        content = op["responses"][str(status)]["content"]
        schema = content.get("application/json", {}).get("schema")
    else:
        assert status >= 400, f"{method} {path} isn't said to answer {status}"
        schema = {"$ref": "#/components/schemas/Error"}
    if schema is None:
        return None
    return jsonschema.Draft202012Validator(
        {**schema, "components": description()["components"]})


def check(method, path, status, body):
    """Is this what openapi.json says of it? path: with or without /api/v1"""
    path = path.removeprefix("/api/v1").partition("?")[0]
    found = [p for r, p in _paths() if r.match(path)]
    # "/grants/users/{name}" and "/x/{a}/{b}" may both fit: the fewest {parts}
    if not found:
        assert status in (401, 404), f"{path} isn't described"
        return
    checker = _checker(min(found, key=lambda p: p.count("{")), method, status)
    if checker and body is not None:
        checker.validate(body)
