#!/usr/bin/python3
"""scenarios/schema.json and the loader agree.

Owns: the comparison, key by key and file by file.

  keys      every key the loader accepts is a property of the schema and the other way round,
            and both require the same keys
  valid     files that both accept
  schema    malformed files that both refuse
  beyond    malformed files that only the loader can refuse; that the schema accepts them is
            checked too, so that a file moves to the other folder when the schema learns to

Before all that it is shown a schema with a key too many, one too few, and one that is not
required any more, and must notice each.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import jsonschema

Schema = dict[str, Any]
DATA = Path("tests/data")


def resolve(root: Schema, node: Schema) -> Iterator[Schema]:
    """The node and everything it refers to or is a choice of."""
    yield node
    if "$ref" in node:
        target: Any = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        yield from resolve(root, target)
    for word in ("oneOf", "anyOf", "allOf"):
        for part in node.get(word, []):
            yield from resolve(root, part)


def schema_keys(root: Schema, node: Schema, path: str) -> dict[str, bool]:
    """Path pattern of every property -> whether it is required."""
    found: dict[str, bool] = {}
    for part in resolve(root, node):
        for name, value in part.get("properties", {}).items():
            key = f"{path}.{name}"
            found[key] = name in part.get("required", [])
            found.update(schema_keys(root, value, key))
        if isinstance(part.get("items"), dict):
            found.update(schema_keys(root, part["items"], path + "[]"))
        if isinstance(part.get("additionalProperties"), dict):
            found.update(schema_keys(root, part["additionalProperties"], path + ".*"))
    return found


def loader_keys(smh: Path) -> dict[str, bool]:
    """The same, as the loader's own tables say."""
    text = subprocess.run([smh, "list", "keys"], check=True, capture_output=True, text=True).stdout
    return {words[0]: words[1:] == ["required"] for words in map(str.split, text.splitlines())}


def compare_keys(loader: dict[str, bool], schema: dict[str, bool]) -> list[str]:
    """What differs, one sentence each."""
    faults = [f"{key}: the loader accepts it, the schema does not" for key in loader.keys() - schema.keys()]
    faults += [f"{key}: in the schema, not accepted by the loader" for key in schema.keys() - loader.keys()]
    for key in loader.keys() & schema.keys():
        if loader[key] != schema[key]:
            who = "loader" if loader[key] else "schema"
            faults.append(f"{key}: required by the {who} alone")
    return sorted(faults)


def test_the_comparison(loader: dict[str, bool], schema: Schema) -> list[str]:
    """Broken schemas that compare_keys must notice."""
    faults: list[str] = []
    extra, missing, optional = (copy.deepcopy(schema) for _ in range(3))
    extra["$defs"]["region"]["properties"]["colour"] = {"type": "string"}
    del missing["$defs"]["operation"]["properties"]["after"]
    optional["$defs"]["region"]["required"].remove("base")
    for what, broken in (("extra", extra), ("missing", missing), ("optional", optional)):
        if len(compare_keys(loader, schema_keys(broken, broken, "$"))) != 1:
            faults.append(f"the comparison does not notice a schema with one {what} key")
    return faults


def loader_accepts(smh: Path, path: Path) -> bool:
    """The verdict of `smh check`; anything but 0 and 2 is a fault of its own."""
    done = subprocess.run([smh, "check", path], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 2):
        sys.exit(f"{path}: smh check exited with {done.returncode}: {done.stderr.strip()}")
    return done.returncode == 0


def judge(smh: Path, validator: Any, paths: list[Path], loader: bool, schema: bool) -> list[str]:
    """Files on which the two do not say what they should."""
    faults: list[str] = []
    for path in paths:
        if loader_accepts(smh, path) != loader:
            faults.append(f"{path}: the loader {'refuses' if loader else 'accepts'} it")
        if validator.is_valid(json.loads(path.read_text(encoding="utf-8"))) != schema:
            faults.append(f"{path}: the schema {'refuses' if schema else 'accepts'} it")
    return faults


def main() -> int:
    """0 when they agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("smh", type=Path, nargs="?", default=Path("build/smh"), help="the program")
    smh: Path = parser.parse_args().smh
    schema: Schema = json.loads(Path("scenarios/schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    loader = loader_keys(smh)
    groups = {
        "valid": (sorted((DATA / "valid").glob("*.json")), True, True),
        "scenarios": ([path for path in sorted(Path("scenarios").rglob("*.json")) if path.name != "schema.json"],
                      True, True),
        "schema": (sorted((DATA / "malformed/schema").glob("*.json")), False, False),
        "beyond": (sorted((DATA / "malformed/beyond").glob("*.json")), False, True),
    }
    faults = test_the_comparison(loader, schema)
    faults += compare_keys(loader, schema_keys(schema, schema, "$"))
    for name, (paths, by_loader, by_schema) in groups.items():
        if not paths and name != "scenarios":
            faults.append(f"no files of group {name}")
        faults += judge(smh, validator, paths, by_loader, by_schema)
    for fault in faults:
        print(fault, file=sys.stderr)
    counts = ", ".join(f"{len(paths)} {name}" for name, (paths, _, _) in groups.items())
    print(f"schema: {len(loader)} keys, files: {counts}; {len(faults)} differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
