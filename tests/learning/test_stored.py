"""A network's two files come back equal, or with one clear line that says what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from cardioscar.errors import InputError, PlatformError
from cardioscar.learning.stored import StoredNetwork, read_network, store_network


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store_network(tmp_path, "net", network().state_dict(), {"format": 1, "weights_sha256": "", "kind": "a"})
    return tmp_path


def test_a_network_comes_back(tmp_path: Path) -> None:
    before = network()
    written = store_network(tmp_path, "net", before.state_dict(), {"kind": "a"})
    read = read_network(tmp_path, "net", rule="a network")
    assert read == written
    after = read.check_hash().fill(network())
    assert all(torch.equal(value, after.state_dict()[name]) for name, value in before.state_dict().items())
    assert not after.training
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.json", "net.safetensors"]


def test_tied_and_turned_weights_are_written_as_they_are(tmp_path: Path) -> None:
    one = torch.arange(6.0).reshape(2, 3)
    store_network(tmp_path, "net", {"a": one, "b": one.T, "c": one}, {})
    read = read_network(tmp_path, "net", rule="").weights({"a": one, "b": one.T, "c": one})
    assert torch.equal(read["b"], one.T)


def replaced(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    store_network(folder, "net", weights, json.loads((folder / "net.json").read_text()))


def without(name: str) -> dict[str, torch.Tensor]:
    return {k: v for k, v in network().state_dict().items() if k != name}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda at: (at / "net.json").unlink(), "net.json: expected a network, found no such file"),
        (lambda at: (at / "net.safetensors").unlink(), "net.safetensors: expected a network, found no such file"),
        (lambda at: (at / "net.json").write_text("{"), "net.json: expected JSON, found another text"),
        (lambda at: (at / "net.json").write_bytes(b"\xff\xfe\x00"), "net.json: expected JSON, found another text"),
        (lambda at: (at / "net.json").write_text("[" * 100_000), "net.json: expected JSON, found another text"),
        (lambda at: (at / "net.json").write_text("[1]"), "net.safetensors: expected the weights that net.json describ"),
        (lambda at: (at / "net.safetensors").write_bytes(b"torn"), "net.safetensors: expected the weights that net.js"),
        (
            lambda at: replaced(at, without("0.bias")),
            "net.safetensors: expected the weights of the architecture, found otherwise: 0.bias",
        ),
        (
            lambda at: replaced(at, network().state_dict() | {"Jane Doe": torch.zeros(1)}),
            "net.safetensors: expected the weights of the architecture, found otherwise: 1 more",
        ),
        (
            lambda at: replaced(at, network().state_dict() | {"0.bias": torch.zeros(3)}),
            "net.safetensors: expected the weights of the architecture, found otherwise: 0.bias",
        ),
        (
            lambda at: replaced(at, network().state_dict() | {"0.bias": torch.zeros(2, dtype=torch.int64)}),
            "net.safetensors: expected the weights of the architecture, found otherwise: 0.bias",
        ),
        (
            lambda at: replaced(at, network().state_dict() | {"0.bias": torch.tensor([0.0, torch.inf])}),
            "net.safetensors: expected finite weights, found others: 0.bias",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(spoil: Callable[[Path], object], message: str, folder: Path) -> None:
    spoil(folder)
    with pytest.raises(InputError) as refused:
        read_network(folder, "net", rule="a network").check_hash().fill(network())
    assert str(refused.value).startswith(message)


def test_weights_that_are_described_but_no_safetensors_are_refused() -> None:
    import hashlib

    text = json.dumps({"weights_sha256": hashlib.sha256(b"torn").hexdigest()}).encode()
    with pytest.raises(InputError, match="some net.safetensors: expected safetensors, found another form"):
        StoredNetwork("net", text, b"torn", "some ").check_hash().fill(network())


def test_a_disk_that_fails_leaves_the_earlier_network_refused_or_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        if data.startswith(b"{\n"):
            raise OSError(28, "No space left on device")
        return write(self, data)

    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(PlatformError, match="net.json: could not be written"):
        store_network(folder, "net", {k: v + 1 for k, v in network().state_dict().items()}, {})
    assert sorted(p.name for p in folder.iterdir()) == ["net.json", "net.safetensors"]
    with pytest.raises(InputError, match="another sha256"):
        read_network(folder, "net", rule="a network").check_hash()


def test_bytes_are_those_of_safetensors_alone(folder: Path) -> None:
    weights = {"a": torch.ones(2)}
    assert store_network(folder, "net", weights, {}).weights_bytes == save(weights)
