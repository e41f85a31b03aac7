"""Add the Debian packages of an image to the bill of materials of its Python environment.

`sbom.py PYTHON.json DPKG_STATUS OS_RELEASE OUTPUT`, run in the build beside cyclonedx-py.
"""

import json
import sys
from email.parser import Parser
from pathlib import Path

from packageurl import PackageURL


def debian_components(status: str, distribution: str) -> list[dict]:
    """Return a CycloneDX component for each installed package of dpkg's status file."""
    packages = [Parser().parsestr(block) for block in status.strip().split("\n\n")]
    found = []
    for package in packages:
        if package["Status"] != "install ok installed":
            continue
        qualifiers = {"arch": package["Architecture"], "distro": distribution}
        purl = PackageURL("deb", distribution.partition("-")[0], package["Package"], package["Version"], qualifiers)
        found.append(
            {
                "type": "library",
                "bom-ref": purl.to_string(),
                "name": package["Package"],
                "version": package["Version"],
                "purl": purl.to_string(),
            }
        )
    return sorted(found, key=lambda component: component["bom-ref"])


def main(python: str, status: str, release: str, output: str) -> None:
    """Write the bill of both."""
    bill = json.loads(Path(python).read_text(encoding="utf-8"))
    system = dict(line.split("=", 1) for line in Path(release).read_text(encoding="utf-8").splitlines() if "=" in line)
    distribution = f"{system['ID']}-{system['VERSION_ID']}".replace('"', "")
    bill["components"] += debian_components(Path(status).read_text(encoding="utf-8"), distribution)
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = json.dumps(bill, indent=1, sort_keys=True)
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault:
        sys.exit(f"the bill of materials breaks CycloneDX 1.6: {fault}")
    Path(output).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
