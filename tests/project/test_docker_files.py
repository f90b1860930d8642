"""What the Docker files promise, as far as it shows without Docker: what the image installs, closed doors, documented settings."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(COMPOSE_TEXT)["services"]


@pytest.mark.skipif(not shutil.which("awk"), reason="needs awk")
def test_the_image_installs_every_dependency_with_hashes_and_no_embedded_mongodb():
    program = re.search(r"awk '(.+)' requirements\.lock", DOCKERFILE)[1]
    lock = subprocess.run(["awk", program, ROOT / "requirements.lock"], capture_output=True, text=True, check=True).stdout
    locked = {entry.partition("==")[0]: entry for entry in re.split(r"\n(?=[a-z])", lock.strip())}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {re.match(r"[a-z0-9-]+", one)[0] for one in wanted} <= set(locked)
    assert all("--hash=sha256:" in entry for entry in locked.values())
    assert not [name for name in locked if name.startswith(("fiftyone", "setuptools"))]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_locked_down(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    if name == "setup":
        assert (service["network_mode"], service["cap_add"]) == ("none", ["CHOWN", "DAC_OVERRIDE"])
    else:
        assert "cap_add" not in service
        assert not service["user"].startswith("0")


def test_ports_are_published_on_this_machine_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_password_is_in_an_environment_or_a_command():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or (name.endswith("_FILE") and value.startswith("/run/secrets/"))
    assert not re.search(r"://[^/@\s]*:[^/@\s]*@", COMPOSE_TEXT)


def test_the_migrator_sees_the_loader_password_alone():
    assert "engine-secrets:/run/secrets:ro" in SERVICES["migrator"]["volumes"]
    assert not [volume for volume in SERVICES["migrator"]["volumes"] if volume.startswith(("mongo-", "./deploy"))]


def test_env_example_lists_every_setting_with_its_default():
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_TEXT))
    used["SOURCE"] = "data/healthcare_dataset.csv"  # empty in the compose file: then the mapping's own default holds
    example = re.findall(r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(example) == used
