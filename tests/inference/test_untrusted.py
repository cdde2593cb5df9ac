"""Files that somebody made to do harm: sealed like any other, since the checksum is no secret."""

import io
import json
import logging
import os
import resource
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from bnrepro.errors import UserError
from bnrepro.inference.checksum import check_seal, open_seal, seal
from bnrepro.inference.exported import load_exported, read_exported
from tests.conftest import CommandLine

MEMORY = 200e6  # bytes that refusing a file may take


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("picture") / "blank.png"
    Image.new("L", (28, 28)).save(file)
    return file


@dataclass
class MarkerWriter:
    """Unpickled, it makes a folder."""

    folder: str

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.folder,)


def _archive(content: bytes, changed: dict[str, bytes], compression: int = 0) -> bytes:
    """The pt2 archive with other members, sealed."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(file, "w", compression) as target,
    ):
        for name in source.namelist():
            base = name.split("/", 1)[1]
            target.writestr(name, changed.get(base, source.read(name)))
        target.comment = open_seal("pt2").encode()
    return seal(file.getvalue())


def _weights(content: bytes, **changed: Any) -> bytes:
    """The safetensors file with a changed description, sealed."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    description = json.loads(header["__metadata__"]["bnrepro"]) | changed
    metadata = {"bnrepro": json.dumps(description), "checksum": open_seal("safetensors")}
    return seal(save(load(content), metadata))


def _description(content: bytes) -> dict[str, Any]:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    values: dict[str, Any] = json.loads(header["__metadata__"]["bnrepro"])
    return values


def _graph(description: str, change: Callable[[Any], None]) -> bytes:
    """An ONNX file that adds one tensor to its input, changed and sealed."""
    from onnx import TensorProto, helper

    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [0.0])
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["x", "weight"], ["probabilities"]),
        ],
        "graph",
        [value("pixels", TensorProto.UINT8, ["N", 1, 28, 28])],
        [value("probabilities", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(model, {"bnrepro": description, "checksum": open_seal("onnx")})
    change(model)
    return seal(model.SerializeToString())


def _refusal(content: bytes, trust: bool = False) -> str:
    """Why the file is refused: one line, without much memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError) as refusal:
        load_exported("file", content, trust)
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < MEMORY
    message = str(refusal.value)
    assert message.startswith("file: ")
    assert "\n" not in message
    return message


def test_a_pickle_in_a_pt2_file_runs_only_with_trust(
    contents: dict[str, bytes],
    picture: Path,
    tmp_path: Path,
    command_line: CommandLine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    marker = tmp_path / "marker"
    pickled = io.BytesIO()
    torch.save(MarkerWriter(str(marker)), pickled)
    crafted = _archive(contents["pt2"], {"data/sample_inputs/model.pt": pickled.getvalue()})
    # A name that speaks of another format changes nothing: the seal says what it is.
    file = tmp_path / "network.safetensors"
    file.write_bytes(crafted)
    done = command_line("predict", str(file), str(picture))
    assert done.returncode == 2
    assert "a pt2 file can run any code when it is opened; add --trust" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not marker.exists()
    # That it is refused means something: opened, it does run.
    with pytest.raises(UserError, match=r"^file: [^\n]*cannot be loaded here[^\n]*$"):
        load_exported("file", crafted, trust=True)
    assert marker.exists()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING], "it is all in the line"


def test_what_a_pt2_file_says_of_another_format_is_no_way_around_trust(
    contents: dict[str, bytes],
) -> None:
    for name in ("safetensors", "onnx"):
        renamed = contents["pt2"].replace(
            b"bnrepro pt2 sha256 ", f"bnrepro {name} sha256 ".encode()
        )
        digest = renamed[-64:]
        assert "no " + name in _refusal(seal(renamed.replace(digest, b"0" * 64)))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_that_unpacks_to_more_than_itself_is_not_unpacked(
    contents: dict[str, bytes], compression: int
) -> None:
    member = "extra/bnrepro.json"
    if compression:
        crafted = _archive(contents["pt2"], {member: bytes(3 * 10**8)}, compression)
        assert len(crafted) < 2e6
    else:
        # The members' sizes are claimed twice; the directory, at the end, is what is read.
        honest = _archive(contents["pt2"], {member: bytes(1000)})
        size = struct.pack("<LL", 1000, 1000)
        assert honest.count(size) == 2
        opened = honest[:-64] + b"0" * 64
        crafted = seal(opened.replace(size, struct.pack("<LL", 2**31, 2**31)))
    assert "its members unpack to" in _refusal(crafted, trust=True)


def test_a_header_that_claims_terabytes_is_not_believed(contents: dict[str, bytes]) -> None:
    content = contents["safetensors"]
    sealed = content.index(b"sha256 ") + 7
    opened = content[:sealed] + b"0" * 64 + content[sealed + 64 :]
    assert "its header claims 8,796,093,022,208 bytes" in _refusal(
        seal(struct.pack("<Q", 2**43) + opened[8:])
    )
    # And a tensor: 2 ** 41 values of 4 bytes.
    length = int.from_bytes(content[:8], "little")
    header = json.loads(opened[8 : 8 + length])
    name = next(key for key in header if key != "__metadata__")
    header[name]["shape"] = [2**41]
    for end in (header[name]["data_offsets"][1], header[name]["data_offsets"][0] + 2**43):
        header[name]["data_offsets"][1] = end
        text = json.dumps(header).encode()
        crafted = seal(struct.pack("<Q", len(text)) + text + opened[8 + length :])
        assert "cannot be loaded here" in _refusal(crafted)


def test_a_network_larger_than_its_file_is_not_built(contents: dict[str, bytes]) -> None:
    content = contents["safetensors"]
    description = _description(content)
    for hidden in ([10**6, 10**6], [2**62], [1] * 10**6):
        config = description["config"] | {"model": description["config"]["model"]}
        config["model"] = config["model"] | {"hidden": hidden}
        assert "file: " in _refusal(_weights(content, config=config))
    how = description["preprocessing"] | {"input_size": 4096, "channels": 16}
    assert "its config claims" in _refusal(_weights(content, preprocessing=how))
    for key in ("stored_size", "input_size", "channels"):
        how = description["preprocessing"] | {key: 10**6}
        assert "described as another version" in _refusal(_weights(content, preprocessing=how))


@pytest.mark.parametrize("place", ["initializer", "constant", "branch", "sparse"])
def test_tensors_in_other_files_are_not_read(
    contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    import onnx
    from onnx import TensorProto, helper

    np.zeros(1, np.float32).tofile(tmp_path / "secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)

    def refer(tensor: Any) -> None:
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "../secret"), ("offset", "0"), ("length", "4")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value

    def change(model: Any) -> None:
        graph = model.graph
        (tensor,) = graph.initializer
        if place == "initializer":
            refer(tensor)
            return
        other = TensorProto()
        other.CopyFrom(tensor)
        refer(other)
        if place == "sparse":
            graph.sparse_initializer.add().values.CopyFrom(other)
            return
        constant = helper.make_node("Constant", [], ["unused"], value=other)
        if place == "constant":
            graph.node.append(constant)
            return
        branch = helper.make_graph([constant], "branch", [], [])
        graph.node.append(
            helper.make_node(
                "If", ["x"], ["also"], then_branch=branch, else_branch=onnx.GraphProto()
            )
        )

    text = json.dumps(_description(contents["safetensors"]))
    assert "lies in another file, which is not opened" in _refusal(_graph(text, change))


def test_an_onnx_file_that_cannot_run_is_one_line(
    contents: dict[str, bytes],
) -> None:
    text = json.dumps(_description(contents["safetensors"]))

    def unknown(model: Any) -> None:
        model.graph.node[1].op_type = "Absent"

    def undescribed(model: Any) -> None:
        del model.metadata_props[0]

    assert "cannot be loaded here" in _refusal(_graph(text, unknown))
    assert "no onnx file" in _refusal(seal(open_seal("onnx").encode()))
    assert "no onnx file" in _refusal(_graph(text, undescribed))
    # It loads, and gives something else than probabilities.
    _, classify = load_exported("file", _graph(text, lambda _: None), trust=False)
    with pytest.raises(UserError, match=r"^file: [^\n]*shape \(2, 1, 28, 28\), not \(2, 10\)\)$"):
        classify(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    with pytest.raises(UserError, match=r"^file: cannot classify pictures \([^\n]*\)$"):
        classify(torch.zeros(2, 3, dtype=torch.uint8))


@pytest.mark.parametrize("name", ["safetensors", "onnx", "pt2"])
def test_whatever_is_damaged_before_it_is_sealed_is_one_line(
    contents: dict[str, bytes], name: str
) -> None:
    content = contents[name]
    assert check_seal("file", content) == name
    place = content.index(f"bnrepro {name} sha256 ".encode())
    mark = len(f"bnrepro {name} sha256 ") + 64
    random = np.random.default_rng(0)
    messages = []
    for cut in (0.1, 0.5, 0.9, 1.0):
        length = int(cut * len(content))
        part = bytearray(content[:length].replace(content[place : place + mark], b""))
        for position in random.integers(0, len(part), 3):
            part[position] ^= 255
        damaged = seal(bytes(part) + open_seal(name).encode())
        try:
            load_exported("file", damaged, trust=True)
        except UserError as error:
            messages.append(str(error))
    assert messages, "not all of it is weights"
    assert not [message for message in messages if "\n" in message]


def test_a_file_too_large_to_be_one_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    with file.open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(UserError, match="an exported file has at most 2,147,483,648"):
        read_exported(file, trust=False)


def test_files_of_before_say_where_they_ran_and_open(contents: dict[str, bytes]) -> None:
    content = contents["safetensors"]
    config = _description(content)["config"]
    assert "runtime" not in config
    before = config | {"runtime": {"runs": "/home/me/runs", "threads": 7, "no_longer": True}}
    description, classify = load_exported("file", _weights(content, config=before), trust=False)
    assert description.run_config().runtime.threads == 1, "this machine's, not the file's"
    assert classify(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape == (2, 10)
