"""The software bill of materials of an image: CycloneDX 1.5, JSON.

    write_sbom(path, components, subject)

The same components give the same bytes: the serial number is derived from the content,
and the time is SOURCE_DATE_EPOCH or is left out. Source: CycloneDX 1.5 JSON reference.
"""

import datetime
import hashlib
import json
import os
import re
import uuid
from pathlib import Path
from urllib.parse import quote

from scripts.lib.ui import die

# SPDX licence ids or expressions of what the images are made of.
LICENCES = {
    "waferpbx": "MIT",
    "micropython": "MIT",
    "mbedtls": "Apache-2.0 OR GPL-2.0-or-later",
    "busybox": "GPL-2.0-only",
    "linux": "GPL-2.0-only WITH Linux-syscall-note",
    "musl": "MIT",
    "compiler-rt": "MIT",  # zig's own
    "zig": "MIT",
    "grub": "GPL-3.0-or-later",
}
KINDS = ("application", "framework", "library", "operating-system", "firmware", "file")
REQUIRED = ("name", "version", "licence")
KNOWN = (*REQUIRED, "kind", "description", "source", "source_version", "sha256", "origin", "purl",
         "files")
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:waferpbx:sbom")
HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


def write_sbom(path, components, subject):
    """Write the bill of materials of `subject` with its `components` to `path`.

    Each is a dict: "name", "version", "licence" (an SPDX id or expression; LICENCES has
    ours), and where known "kind" (CycloneDX component type, default "library"),
    "description", "source" and "source_version" (the source package), "sha256" (of the
    sources, 64 hex digits), "origin" ("deb" or "pypi": the purl's type), "purl" (instead of
    a derived one) and "files" ({name: sha256}: what the component became in the image).
    """
    bill = sbom(components, subject)
    Path(path).write_text(json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def sbom(components, subject):
    """Return the bill of materials as the dict that CycloneDX calls a bom."""
    listed = [_component(entry) for entry in sorted(components, key=_order)]
    main = _component({"kind": "firmware", **subject})
    references = [entry["bom-ref"] for entry in [main, *listed]]
    for reference in references:
        if references.count(reference) > 1:
            die(f"the SBOM has {reference} twice", "Name each component and version once.")
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": main, **_timestamp()},
        "components": listed,
        "dependencies": [{"ref": main["bom-ref"], "dependsOn": sorted(references[1:])}],
    }
    content = json.dumps(bill, sort_keys=True).encode()
    serial = uuid.uuid5(NAMESPACE, hashlib.sha256(content).hexdigest())
    return {**bill, "serialNumber": f"urn:uuid:{serial}"}


def _order(entry):
    return entry.get("name", ""), entry.get("version", "")


def _component(entry):
    _check(entry)
    purl = entry.get("purl") or _purl(entry)
    made = {
        "type": entry.get("kind", "library"),
        "bom-ref": f"{entry['name']}@{entry['version']}",
        "name": entry["name"],
        "version": entry["version"],
        "licenses": [_licence(entry["licence"])],
    }
    if entry.get("description"):
        made["description"] = entry["description"]
    if purl:
        made["purl"] = purl
    if entry.get("sha256"):
        made["hashes"] = [{"alg": "SHA-256", "content": entry["sha256"]}]
    if entry.get("source"):
        made["properties"] = [
            {"name": "waferpbx:source:package", "value": entry["source"]},
            {"name": "waferpbx:source:version",
             "value": entry.get("source_version") or entry["version"]},
        ]
    if entry.get("files"):
        made["components"] = [_file(made["bom-ref"], name, sha256)
                              for name, sha256 in sorted(entry["files"].items())]
    return made


def _file(owner, name, sha256):
    return {"type": "file", "bom-ref": f"{owner}:{name}", "name": name,
            "hashes": [{"alg": "SHA-256", "content": sha256}]}


def _check(entry):
    """End with an error where an entry is not what write_sbom says."""
    name = entry.get("name") or "(no name)"
    for key in REQUIRED:
        if not isinstance(entry.get(key), str) or not entry[key]:
            die(f"SBOM component {name}: {key} is missing", f'Give it a "{key}".')
    for key in entry:
        if key not in KNOWN:
            die(f"SBOM component {name}: {key!r} is not known", f"Known: {', '.join(KNOWN)}")
    if entry.get("kind", "library") not in KINDS:
        die(f"SBOM component {name}: {entry['kind']!r} is no kind", f"Kinds: {', '.join(KINDS)}")
    digests = [entry["sha256"]] if entry.get("sha256") else []
    for digest in [*digests, *entry.get("files", {}).values()]:
        if not HEX_SHA256.fullmatch(digest):
            die(f"SBOM component {name}: {digest!r} is no SHA-256",
                "Write 64 lower-case hexadecimal digits.")


def _licence(text):
    """CycloneDX takes an SPDX id and an SPDX expression in different places."""
    if " " in text:
        return {"expression": text}
    return {"license": {"id": text}}


def _purl(entry):
    """A package URL (the purl specification) for a source package, or None."""
    if not entry.get("source") or not entry.get("origin"):
        return None
    name = quote(entry["source"].lower(), safe="")
    version = quote(entry.get("source_version") or entry["version"], safe="~.-_:")
    if entry["origin"] == "deb":
        return f"pkg:deb/debian/{name}@{version}?arch=source"
    return f"pkg:{entry['origin']}/{name}@{version}"


def _timestamp():
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch.isdigit():
        return {}
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    return {"timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
