"""The stock codecs read what ours write, and the other way round."""

from datetime import UTC, datetime
from typing import Any

import msgpack
from constellation.core import chirp as stock_chirp
from constellation.core.chp import CHPMessageFlags, chp_decode_message
from constellation.core.message.cmdp1 import (
    CMDP1LogMessage,
    CMDP1Message,
    CMDP1Notification,
    CMDP1StatMessage,
)
from constellation.core.message.cscp1 import CSCP1Message
from constellation.core.protocol.cmdp1 import LogLevel
from constellation.core.protocol.cmdp1 import Metric as StockMetric
from hitline.bus.constellation import chirp, chp, cmdp, cscp
from test_codecs import GOLDEN, TIME_NS


def assembled(message: Any) -> list[bytes]:
    return message.assemble().frames


def test_chirp_with_stock() -> None:
    theirs = stock_chirp.CHIRPMessage()
    theirs.unpack(chirp.encode(GOLDEN["chirp"][0]))
    assert theirs.group_uuid == stock_chirp.get_uuid("BENCH")
    assert theirs.host_uuid == stock_chirp.get_uuid("toy.one")
    assert (theirs.msgtype, theirs.serviceid, theirs.port) == (
        stock_chirp.CHIRPMessageType.OFFER,
        stock_chirp.CHIRPServiceIdentifier.CONTROL,
        0x1234,
    )
    assert chirp.decode(theirs.pack()) == GOLDEN["chirp"][0]


def test_cscp_with_stock() -> None:
    theirs = CSCP1Message.disassemble(cscp.encode(GOLDEN["cscp"][0]))
    assert (theirs.sender, theirs.verb_msg, theirs.payload, theirs.tags) == (
        "n",
        "set",
        ["voltage", -20.0],
        {"deadline": 1},
    )
    assert theirs.time == datetime.fromtimestamp(TIME_NS // 10**9, UTC).replace(microsecond=123456)
    made = CSCP1Message("Ctrl", (CSCP1Message.Type.REQUEST, "start"), theirs.time, {"a": theirs.time})
    made.payload = "run_1"
    ours = cscp.decode(assembled(made))
    assert (ours.sender, ours.text, ours.payload, ours.time_ns // 1000) == (
        "Ctrl",
        "start",
        "run_1",
        TIME_NS // 1000,
    )
    assert isinstance(ours.tags["a"], msgpack.Timestamp)


def test_chp_with_stock() -> None:
    name, stamp, state, flags, interval, status = chp_decode_message(chp.encode(GOLDEN["chp"][0]))
    assert (name, stamp.to_unix_nano(), state, flags, interval, status) == (
        "Toy.one",
        TIME_NS,
        0x40,
        CHPMessageFlags.MARK_DEGRADED,
        500,
        "ok",
    )


def test_cmdp_with_stock() -> None:
    theirs = CMDP1StatMessage.disassemble(cmdp.encode(GOLDEN["cmdp"][0]))
    assert (theirs.metric.name, theirs.value, theirs.metric.unit, theirs.tags) == (
        "VOLTAGE",
        -20.0,
        "V",
        {"seq": 7},
    )
    log = CMDP1LogMessage.disassemble(cmdp.encode(GOLDEN["log"][0]))
    assert (log.log_level, log.log_topic, log.log_message) == (LogLevel.STATUS, "FSM", "INIT")
    listed = CMDP1Notification.from_cmdp_message(CMDP1Message.disassemble(cmdp.encode(GOLDEN["topics"][0])))
    assert (listed.topics_prefix, listed.topics) == ("STAT", {"A": "b"})
    ours = cmdp.decode(assembled(CMDP1StatMessage("M.a", StockMetric("volts", "V", "doc"), 1.5)))
    assert isinstance(ours, cmdp.Metric)
    assert (ours.name, ours.value, ours.unit) == ("VOLTS", 1.5, "V")
