"""A recorded quad file gives exactly what independent decoders found in it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_helpers import decoded, pieces, sha256
from hitline.bus.formats import quad
from hitline.bus.formats.chunks import MAX_CHIPS
from hitline.bus.formats.events import first_times
from hitline.bus.formats.order import Order
from hitline.bus.formats.tpx3 import Decoder


@pytest.fixture
def truth(data: Path) -> dict[str, Any]:
    return json.loads((data / "suann_truth.json").read_text())["suann_socket_background_serval32.tpx3"]


@pytest.mark.parametrize("piece", [10**9, 65536, 4001])
@pytest.mark.parametrize("looked_through", [False, True])
def test_every_column(suann: Path, truth: dict[str, Any], piece: int, looked_through: bool) -> None:
    raw = suann.read_bytes()
    decoder = Decoder(first_times=first_times([raw]) if looked_through else None)
    batch = decoded(pieces(raw, range(0, len(raw), piece)), decoder)
    hits, tdc = batch.hits, batch.tdc
    for name, digest in truth["sha256_hits_le_i8"].items():
        assert sha256(getattr(hits, name)) == digest, name
    assert sha256(np.sort(hits.t_unwrapped)) == truth["absolute_time"]["sha256_sorted"]
    for name in ("coarse35", "fine", "counter"):
        assert sha256(getattr(tdc, name)) == truth["tdc"][f"sha256_{name}"], name
    assert sha256(tdc.abs) == truth["tdc"]["absolute"]["sha256"]
    assert sha256(tdc.units12) == truth["tdc"]["absolute"]["sha256_units12"]
    assert {f"0x{kind:02x}": n for kind, n in decoder.packets_by_type().items()} == truth["packets_by_type"]
    facts = decoder.facts()
    assert facts["chunks"] == truth["n_chunk_headers"]
    assert facts["words"] == truth["n_payload_words"]
    assert not any(count for name, count in facts.items() if name not in ("chunks", "words")), facts


def test_picture(suann: Path, truth: dict[str, Any]) -> None:
    hits = decoded([suann.read_bytes()]).hits
    image = np.zeros((512, 512), np.int64)
    quad.add_to_image(image, hits.chip, hits.x, hits.y)
    assert sha256(image) == truth["quad_image"]["sha256_le_i8_rowmajor_y_x"]


def test_order_mends_overtaking(suann: Path, truth: dict[str, Any]) -> None:
    raw = suann.read_bytes()
    order = Order()
    mended = b"".join([*(order.feed(part) for part in pieces(raw, range(0, len(raw), 4001))), order.flush()])
    assert len(mended) == len(raw)
    decoder = Decoder()
    batch = decoded([mended], decoder)
    assert len(batch.hits) == truth["n_hits"]
    assert not decoder.loss.lost(final=True).any() and len(decoder.loss.rows) == MAX_CHIPS
    assert mended != raw and Order().feed(mended) == mended
