"""Where and in which precision to train."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal

import torch

from tasks.vocabulary.errors import InputError


def training_device(name: str, node_rank: int = 0) -> torch.device:
    """Return the device called `name`; 'auto' = this process's GPU if there is one, else the CPU.

    InputError where the named device does not exist here.
    """
    if name == "auto":
        return torch.device("cuda", node_rank) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"There is no device {name!r}.", "Use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("No GPU is visible.", "Set `device: auto`, or repair the GPU's driver.")
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", node_rank)
    return device


def computing_type(
    precision: Literal["auto", "float32", "bfloat16"], device: torch.device
) -> torch.dtype:
    """Choose the type of convolutions while training; weights and losses are float32 in any case.

    'auto' = bfloat16 where the processor multiplies it in hardware (AVX-512 BF16 or AMX: about
    1.6 times as fast as float32; GPUs since Ampere), else float32: emulated bfloat16 is slower.
    """
    if precision == "float32":
        return torch.float32
    if precision == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda":
        capable = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        capable = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    return torch.bfloat16 if capable else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """Mixed precision in `dtype`; float32 switches it off."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)
