# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from typing import Any, TypeAlias

SubmitJobRequestPayloadType0: TypeAlias = dict[str, Any]
"""What the function receives. An object; a list, text, number or boolean is 400."""
