"""An exported file, read back."""

from pathlib import Path

from pydantic import ValidationError
from torch import Tensor

from bnrepro.config.options.model import Python
from bnrepro.errors import UserError
from bnrepro.inference.checksum import check_seal
from bnrepro.inference.description import Description
from bnrepro.inference.formats import FORMATS, Classify, Format
from bnrepro.inference.formats.safetensors_file import SAFETENSORS
from bnrepro.messages import reason

_LARGEST = 2**31  # bytes: protobuf's limit; the paper's Inception takes a fortieth of it


def read_exported(file: Path, trust: bool) -> tuple[Description, Classify]:
    """The description and the network of an exported file.

    Nothing of it is parsed, unpickled or run before its checksum has been compared. Anybody can
    write a checksum, so beyond this the file is believed in nothing: no size that it claims is
    allocated before it is compared with the file's own, no other file is opened, and a format that
    can run code is refused. What the network itself computes takes its own time and memory.

    Args:
        file: from `bnrepro export`.
        trust: open the formats, too, that can run any code when they are opened.

    Raises:
        UserError: it cannot be read, is no exported file, was altered or damaged, needs trust, or
            was written by another version. Likewise of the network when it is asked.
    """
    try:
        size = file.stat().st_size
        if size > _LARGEST:
            raise UserError(f"{file}: {size:,} bytes; an exported file has at most {_LARGEST:,}")
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    return load_exported(str(file), content, trust)


def load_exported(source: str, content: bytes, trust: bool) -> tuple[Description, Classify]:
    """`read_exported` of a content; ``source`` is for messages."""
    name = check_seal(source, content)
    if name not in FORMATS:
        raise UserError(f"{source}: exported as {name}, which this version of bnrepro cannot read")
    chosen = FORMATS[name]
    if chosen.runs_code and not trust:
        raise UserError(
            f"{source}: a {name} file can run any code when it is opened; add --trust if you know "
            "who made it, or ask for safetensors or onnx"
        )
    description = _describe(source, chosen, content)
    try:
        if chosen is SAFETENSORS and not trust:
            _refuse_code(description)
        classify = chosen.load(content, description)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    except Exception as error:
        origin = description.provenance
        raise UserError(
            f"{source}: exported by bnrepro {origin.bnrepro} with torch {origin.torch}, and cannot "
            f"be loaded here ({reason(error)}); export it again"
        ) from error
    return description, _checked(source, classify, len(description.class_names))


def _refuse_code(description: Description) -> None:
    """Weights of a network that only its user's own code can build."""
    model = description.run_config().model
    if isinstance(model, Python):
        raise UserError(
            f"its network is built by {model.factory}, code on this machine; add --trust to run it"
        )


def _describe(source: str, chosen: Format, content: bytes) -> Description:
    try:
        return Description.model_validate_json(chosen.read_description(content))
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    except ValidationError as error:
        raise UserError(f"{source}: described as another version of bnrepro does it") from error
    except Exception as error:
        raise UserError(
            f"{source}: no {chosen.name} file of bnrepro ({reason(error)}); export it again"
        ) from error


def _checked(source: str, classify: Classify, num_classes: int) -> Classify:
    """The network, whose failures are the file's."""

    def classify_checked(pixels_NCHW: Tensor) -> Tensor:
        try:
            probabilities_NK = classify(pixels_NCHW)
            shape = tuple(probabilities_NK.shape)
        except Exception as error:
            raise UserError(f"{source}: cannot classify pictures ({reason(error)})") from error
        if shape != (len(pixels_NCHW), num_classes):
            raise UserError(
                f"{source}: cannot classify pictures (its output has the shape {shape}, not "
                f"{(len(pixels_NCHW), num_classes)})"
            )
        return probabilities_NK

    return classify_checked
