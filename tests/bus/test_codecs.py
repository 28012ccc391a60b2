"""Frames of CHIRP, CSCP, CHP and CMDP: golden bytes, round trips, the stock codecs both ways, and garbage."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hitline.bus.constellation import chirp, chp, cmdp, cscp
from hitline.bus.constellation.pack import Malformed, pack, unpack
from hitline.bus.states import HeartbeatFlag, State
from hypothesis import given
from hypothesis import strategies as st

TIME_NS = 1_700_000_000_123_456_789
STAMP = "d7ff1d6f34546553f100"  # MsgPack timestamp 64 of TIME_NS: ns << 34 | s

GOLDEN = {
    "chirp": (
        chirp.Beacon(
            chirp.Kind.OFFER,
            chirp.identity("bench"),
            chirp.identity("Toy.One"),
            chirp.Service.CONTROL,
            0x1234,
        ),
        ["434849525001021d28d258250876fb7dde22a17436ef9cf6ea8e8ab860ccd808143a23ed5d7909011234"],
    ),
    "cscp": (
        cscp.Message("n", TIME_NS, cscp.Type.REQUEST, "set", ["voltage", -20.0], {"deadline": 1}),
        [
            "a54353435001a16e" + STAMP + "81a8646561646c696e6501",
            "00a3736574",
            "92a7766f6c74616765cbc034000000000000",
        ],
    ),
    "chp": (
        chp.Beat("Toy.one", TIME_NS, State.RUN, HeartbeatFlag.MARK_DEGRADED, 500, "ok"),
        ["a443485001a7546f792e6f6e65" + STAMP + "4004cd01f4", "6f6b"],
    ),
    "cmdp": (
        cmdp.Metric("Toy.one", TIME_NS, "voltage", -20.0, "V", {"seq": 7}),
        [
            b"STAT/VOLTAGE".hex(),
            "a5434d445001a7546f792e6f6e65" + STAMP + "81a373657107",
            "cbc03400000000000000a156",
        ],
    ),
    "log": (
        cmdp.Log("Toy.one", TIME_NS, "STATUS", "FSM", "INIT"),
        [b"LOG/STATUS/FSM".hex(), "a5434d445001a7546f792e6f6e65" + STAMP + "80", b"INIT".hex()],
    ),
    "topics": (
        cmdp.Topics("Toy.one", TIME_NS, "STAT", {"A": "b"}),
        [b"STAT?".hex(), "a5434d445001a7546f792e6f6e65" + STAMP + "80", "81a141a162"],
    ),
}
MODULES = {"chirp": chirp, "cscp": cscp, "chp": chp}


def encode(name: str, message: Any) -> list[bytes]:
    encoded = MODULES.get(name, cmdp).encode(message)
    return [encoded] if isinstance(encoded, bytes) else encoded


def decode(name: str, frames: Sequence[bytes]) -> Any:
    return chirp.decode(frames[0]) if name == "chirp" else MODULES.get(name, cmdp).decode(frames)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bytes(name: str) -> None:
    message, frames = GOLDEN[name]
    assert [frame.hex() for frame in encode(name, message)] == frames
    decoded = decode(name, [bytes.fromhex(frame) for frame in frames])
    if isinstance(message, cmdp.Metric):
        assert decoded.name == "VOLTAGE"
        decoded = cmdp.Metric(
            decoded.sender, decoded.time_ns, "voltage", decoded.value, decoded.unit, decoded.tags
        )
    assert decoded == message


# A round trip gives back what went in, whatever text, time and tags it carries.
NAMES = st.text(min_size=1, max_size=20)
TIMES = st.integers(0, 2**63 - 1)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
)
TAGS = st.dictionaries(st.text(max_size=8), SCALARS, max_size=4)
PAYLOADS = st.recursive(
    SCALARS | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(sender=NAMES, time_ns=TIMES, kind=st.sampled_from(cscp.Type), text=NAMES, payload=PAYLOADS, tags=TAGS)
def test_cscp_round_trip(**fields: Any) -> None:
    message = cscp.Message(type=fields.pop("kind"), **fields)
    assert cscp.decode(cscp.encode(message)) == message


@given(
    sender=NAMES,
    time_ns=TIMES,
    state=st.sampled_from(State),
    flags=st.integers(0, 255),
    interval_ms=st.integers(0, 65535),
    status=st.none() | NAMES,
)
def test_chp_round_trip(flags: int, **fields: Any) -> None:
    beat = chp.Beat(flags=HeartbeatFlag(flags), **fields)
    assert chp.decode(chp.encode(beat)) == beat


@given(
    sender=NAMES,
    time_ns=TIMES,
    name=st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True),
    value=SCALARS,
    unit=st.text(max_size=5),
    tags=TAGS,
)
def test_metric_round_trip(**fields: Any) -> None:
    metric = cmdp.Metric(**fields)
    assert cmdp.decode(cmdp.encode(metric)) == metric


@given(
    kind=st.sampled_from(chirp.Kind),
    group=st.binary(min_size=16, max_size=16),
    host=st.binary(min_size=16, max_size=16),
    service=st.sampled_from(chirp.Service),
    port=st.integers(0, 65535),
)
def test_chirp_round_trip(**fields: Any) -> None:
    beacon = chirp.Beacon(**fields)
    assert chirp.decode(chirp.encode(beacon)) == beacon


# Whatever bytes come, a decoder gives a message or raises Malformed, never anything else.
FRAMES = st.lists(st.binary(max_size=60), max_size=4)


@given(frames=FRAMES)
@pytest.mark.parametrize(
    "decoder",
    [cscp.decode, chp.decode, cmdp.decode, lambda frames: chirp.decode(b"".join(frames))],
    ids=["cscp", "chp", "cmdp", "chirp"],
)
def test_random_bytes(decoder: Callable[[Any], Any], frames: list[bytes]) -> None:
    try:
        decoder(frames)
    except Malformed:
        return


@given(
    head=st.sampled_from([pack(p, "n") for p in (cscp.PROTOCOL, chp.PROTOCOL, cmdp.PROTOCOL)]),
    rest=st.binary(max_size=40),
    frames=FRAMES,
)
@pytest.mark.parametrize("decoder", [cscp.decode, chp.decode, cmdp.decode], ids=["cscp", "chp", "cmdp"])
def test_random_bytes_behind_a_true_head(
    decoder: Callable[[Any], Any], head: bytes, rest: bytes, frames: list[bytes]
) -> None:
    for message in ([head + rest, *frames], [b"STAT/X", head + rest, *frames]):
        try:
            decoder(message)
        except Malformed:
            continue


@pytest.mark.parametrize("name", GOLDEN)
def test_cut_and_flipped_byte_by_byte(name: str) -> None:
    """Every prefix of every frame, and every single flipped byte, decodes or is Malformed."""
    frames = encode(name, GOLDEN[name][0])
    cut = 0
    for which, frame in enumerate(frames):
        for end in range(len(frame)):
            flipped = frame[:end] + bytes([frame[end] ^ 0xFF]) + frame[end + 1 :]
            for damaged in (frame[:end], flipped):
                try:
                    decode(name, [*frames[:which], damaged, *frames[which + 1 :]])
                except Malformed:
                    cut += 1
    assert cut > sum(map(len, frames)) / 2


@pytest.mark.parametrize("name", [n for n in GOLDEN if n != "chirp"])
def test_missing_and_extra_frames(name: str) -> None:
    frames = encode(name, GOLDEN[name][0])
    for wrong in ([], frames[:1] * 5, [*frames, *frames]):
        with pytest.raises(Malformed):
            decode(name, wrong)


def test_a_frame_that_promises_a_billion_elements_allocates_nothing() -> None:
    for header in (b"\xdd", b"\xdf", b"\xdb", b"\xc6"):
        with pytest.raises(Malformed):
            unpack(header + struct.pack(">I", 10**9), object)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Malformed):
        unpack(b"\x91" * 100_000 + b"\xc0", object)


def test_a_failed_pack_does_not_leak_into_the_next() -> None:
    with pytest.raises(TypeError):
        pack([1, 2, object()])
    assert pack(5) == b"\x05"


def test_types_are_exact() -> None:
    for value, kind in ((True, int), (1, str), ("x", dict), (b"x", str), (1.0, int)):
        with pytest.raises(Malformed, match="expected"):
            unpack(pack(value), kind)


def test_another_version_is_refused_by_name() -> None:
    frames = cscp.encode(GOLDEN["cscp"][0])
    frames[0] = frames[0].replace(b"CSCP\x01", b"CSCP\x02")
    with pytest.raises(Malformed, match=r"CSCP\\x02"):
        cscp.decode(frames)


@pytest.mark.parametrize("topic", ["STAT", "STAT/", "LOGX/A", "FOO/BAR", "STATE/X", "", "STAT?X"])
def test_other_topics_are_malformed(topic: str) -> None:
    frames = cmdp.encode(GOLDEN["cmdp"][0])
    with pytest.raises(Malformed):
        cmdp.decode([topic.encode(), *frames[1:]])


# The stock codecs read what ours write, and the other way round.
