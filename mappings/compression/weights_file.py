"""Weights of the small language model as a file, so that it need not be trained again.

The file is read as data: PyTorch loads tensors and plain values from it, nothing else.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

from mappings.compression.errors import CompressionError
from mappings.compression.language_model import LanguageModel, Size
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402

LARGEST = 8192  # of a size


def save_weights(model: LanguageModel, path: str | os.PathLike[str]) -> None:
    """Write the model's sizes and weights."""
    try:
        torch.save({"size": asdict(model.size), "weights": model.state_dict()}, path)
    except (OSError, RuntimeError) as error:
        raise CompressionError(f"cannot write '{path}': {error}") from error


def load_weights(path: str | os.PathLike[str]) -> LanguageModel | None:
    """The model of a file; ``None`` where there is no such file.

    Raises:
        CompressionError: It is no file of this model's weights.
    """
    if not Path(path).exists():
        return None
    try:
        kept = torch.load(path, weights_only=True)
        size = Size(**{name: int(value) for name, value in kept["size"].items()})
        if not all(0 < value <= LARGEST for value in asdict(size).values()):
            raise ValueError(f"sizes {asdict(size)}")
        model = LanguageModel(size)
        model.load_state_dict(kept["weights"])
    except (
        OSError, RuntimeError, pickle.UnpicklingError, BadZipFile, EOFError, KeyError, TypeError, ValueError,
        AttributeError,
    ) as error:  # fmt: skip
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise CompressionError(f"'{path}' holds no weights of this model: {reason}") from error
    model.eval()
    return model
