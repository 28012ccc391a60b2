"""The same questions asked by four clients: Constellation, Tango, and Channel Access by libca and caproto.

Each caller speaks in the names and types of the bus: choices as text, switches as bool. A refusal is Refusal,
with the kind of the bus where the protocol carries one.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import caproto as ca
import caproto.sync.client as caproto_client
import tango
from hitline.bus.attribute import UNKNOWN, Attribute, Refused, Severity, Update
from hitline.bus.sync import Client
from hitline.db.generate import camel
from hitline.ioc.faces.tango.kinds import QUALITY
from kit.patience import WAIT_S

LIBCA = Path(__file__).parents[1] / "ioc" / "faces" / "ca" / "libca_client.py"


class Reading(NamedTuple):
    """A value with its quality; an INVALID one may come without a value."""

    value: Any
    severity: Severity


class Refusal(Exception):
    """A request was turned down."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind, self.text = kind, text


class Cscp:
    """Constellation's own protocol."""

    def __init__(self, group: str, instrument: str) -> None:
        self.client = Client(group, "caller", find_s=0.5)
        self.client.__enter__()
        self.instrument = instrument
        self.newest: dict[str, Update] = {}
        self.end: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Follow all values; to be called when the instrument is there."""
        self.end = self.client.watch(self.instrument, self.newest.__setitem__)

    def close(self) -> None:
        self.end()
        self.client.close()

    def read(self, name: str) -> Reading:
        update = self.newest.get(name, UNKNOWN)
        return Reading(update.value, update.severity)

    def unit(self, name: str) -> str:
        return self.client.attributes(self.instrument)[name].unit

    def limits(self, name: str) -> tuple[float | None, float | None]:
        a = self.client.attributes(self.instrument)[name]
        return a.low, a.high

    def set(self, name: str, value: Any) -> None:
        self._ask(self.client.set, name, value)

    def command(self, name: str) -> None:
        self._ask(self.client.command, name)

    def _ask(self, work: Callable[..., Any], *args: Any) -> None:
        try:
            work(self.instrument, *args)
        except Refused as refused:
            raise Refusal(refused.code, refused.text) from None
        except TimeoutError as error:  # nobody there to ask
            raise Refusal("link", str(error)) from None

    def watch(self, name: str, do: Callable[[], None], last: Any) -> list[Any]:
        seen, news = [], threading.Condition()

        def heard(changed: str, update: Update) -> None:
            if changed == name:
                with news:
                    seen.append(update.value)
                    news.notify_all()

        end = self.client.watch(self.instrument, heard)
        try:
            with news:
                assert news.wait_for(lambda: seen, WAIT_S)
            do()
            with news:
                assert news.wait_for(lambda: seen[-1] == last, WAIT_S), seen
        finally:
            end()
        return seen


class Tango:
    """A Tango device."""

    SEVERITY: ClassVar[dict[Any, Severity]] = {quality: severity for severity, quality in QUALITY.items()}

    def __init__(self, device: str, table: dict[str, Attribute]) -> None:
        self.device, self.table = tango.DeviceProxy(device), table

    def close(self) -> None:
        """Nothing is kept open."""

    def read(self, name: str) -> Reading:
        shown = self.device.read_attribute(name)
        return Reading(self._plain(name, shown.value), self.SEVERITY[shown.quality])

    def _plain(self, name: str, value: Any) -> Any:
        a = self.table[name]
        return a.choices[value] if a.dtype == "enum" and value is not None else value

    def unit(self, name: str) -> str:
        return str(self.device.get_attribute_config(name).unit)

    def limits(self, name: str) -> tuple[float | None, float | None]:
        config = self.device.get_attribute_config(name)
        return float(config.min_value), float(config.max_value)

    def set(self, name: str, value: Any) -> None:
        a = self.table[name]
        self._ask(self.device.write_attribute, name, a.choices.index(value) if a.dtype == "enum" else value)

    def command(self, name: str) -> None:
        self._ask(self.device.command_inout, camel(name))

    def _ask(self, work: Callable[..., Any], *args: Any) -> None:
        try:
            work(*args)
        except tango.DevFailed as error:
            first = error.args[0]
            limit = first.reason == "API_WAttrOutsideLimit"
            raise Refusal("limit" if limit else first.reason.removeprefix("hitline."), first.desc) from None

    def watch(self, name: str, do: Callable[[], None], last: Any) -> list[Any]:
        seen, news = [], threading.Condition()

        def heard(event: Any) -> None:
            with news:
                seen.append(event.attr_value.value if not event.err else event.errors)
                news.notify_all()

        number = self.device.subscribe_event(name, tango.EventType.CHANGE_EVENT, heard)
        try:
            do()
            with news:
                assert news.wait_for(lambda: seen and seen[-1] == last, WAIT_S), seen
        finally:
            self.device.unsubscribe_event(number)
        return seen


class ChannelAccess:
    """What both Channel Access clients share: names, types, and where a refusal leaves its text."""

    def __init__(self, prefix: str, place: str, table: dict[str, Attribute]) -> None:
        self.prefix, self.place, self.table = prefix, place, table

    def close(self) -> None:
        """Nothing is kept open."""

    def pv(self, name: str) -> str:
        """Return the PV that shows an attribute; a long string needs the modifier for more than 39 bytes."""
        return f"{self.prefix}{self.place}{camel(name)}_RBV{self.long(name)}"

    def long(self, name: str) -> str:
        """Return the modifier for long strings, for text."""
        return ".VAL$" if self.table[name].dtype == "str" else ""

    def plain(self, name: str, value: Any) -> Any:
        """Return a value of the wire in the type of the bus."""
        a = self.table[name]
        if a.dtype == "enum":
            return a.choices[int(value)]
        if a.dtype == "str":
            return value if isinstance(value, str) else bytes(value).rstrip(b"\0").decode()
        return {"bool": bool, "int": int, "float": float}[a.dtype](value)

    def set(self, name: str, value: Any) -> None:
        a = self.table[name]
        plain = a.choices.index(value) if a.dtype == "enum" else value
        self._put(f"{self.prefix}{self.place}{camel(name)}{self.long(name)}", plain)

    def command(self, name: str) -> None:
        self._put(f"{self.prefix}{self.place}{camel(name)}", 1)

    def _put(self, pv: str, value: Any) -> None:
        if self.put(pv, value):
            return
        text = self.text(f"{self.prefix}LastRefusal_RBV")
        assert pv in text, text
        kinds = {"limit": "limit", "not connected": "link", "door": "interlock"}
        raise Refusal(next(kind for word, kind in kinds.items() if word in text), text)

    def put(self, pv: str, value: Any) -> bool:
        """Write with completion; say whether it was accepted."""
        raise NotImplementedError

    def text(self, pv: str) -> str:
        """Read a long string."""
        raise NotImplementedError


class Libca(ChannelAccess):
    """pyepics on libca, in a process of its own."""

    def __init__(self, prefix: str, place: str, table: dict[str, Attribute]) -> None:
        super().__init__(prefix, place, table)
        self.process = subprocess.Popen(
            [sys.executable, str(LIBCA)],
            stdin=subprocess.PIPE,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(WAIT_S)
        self.process.stdout.close()

    def ask(self, code: str) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def read(self, name: str) -> Reading:
        found = self.ask(
            f"(lambda p: (p.get(use_monitor=False, as_string={bool(self.long(name))}), p.severity))"
            f"(pv({self.pv(name)!r}, form='time'))"
        )
        return Reading(self.plain(name, found[0]), Severity(found[1]))

    def unit(self, name: str) -> str:
        return str(self.ask(f"pv({self.pv(name)!r}).get_ctrlvars()['units']"))

    def limits(self, name: str) -> tuple[float | None, float | None]:
        found = self.ask(
            f"(lambda c: (c['lower_ctrl_limit'], c['upper_ctrl_limit']))"
            f"(pv({self.prefix + self.place + camel(name)!r}).get_ctrlvars())"
        )
        return found[0], found[1]

    def put(self, pv: str, value: Any) -> bool:
        if isinstance(value, str):
            return bool(self.ask(f"put({pv!r}, {value!r})"))
        return bool(self.ask(f"put_status({pv!r}, {value!r})") == 1)

    def text(self, pv: str) -> str:
        return str(self.ask(f"pv({pv + '.VAL$'!r}).get(as_string=True)"))

    def watch(self, name: str, do: Callable[[], None], last: Any) -> list[Any]:
        self.ask(f"watch({self.pv(name)!r}).until(lambda heard: True) and None")
        do()
        heard = self.ask(f"watch({self.pv(name)!r}).until(lambda heard: heard[-1][0] == {last!r})")
        return [self.plain(name, value) for value, *_ in heard]


class Caproto(ChannelAccess):
    """caproto's own client."""

    def read(self, name: str) -> Reading:
        found = caproto_client.read(self.pv(name), data_type="time", repeater=False, timeout=WAIT_S)
        value = bytes(found.data) if self.long(name) else found.data[0]
        return Reading(self.plain(name, value), Severity(int(found.metadata.severity)))

    def unit(self, name: str) -> str:
        found = caproto_client.read(self.pv(name), data_type="control", repeater=False, timeout=WAIT_S)
        return str(found.metadata.units.decode())

    def limits(self, name: str) -> tuple[float | None, float | None]:
        pv = f"{self.prefix}{self.place}{camel(name)}"
        found = caproto_client.read(pv, data_type="control", repeater=False, timeout=WAIT_S).metadata
        return found.lower_ctrl_limit, found.upper_ctrl_limit

    def put(self, pv: str, value: Any) -> bool:
        try:
            done = caproto_client.write(pv, value, notify=True, repeater=False, timeout=WAIT_S)
        except ca.ErrorResponseReceived:
            return False
        return bool(done.status.success)

    def text(self, pv: str) -> str:
        found = caproto_client.read(f"{pv}.VAL$", repeater=False, timeout=WAIT_S)
        return bytes(found.data).rstrip(b"\0").decode()

    def watch(self, name: str, do: Callable[[], None], last: Any) -> list[Any]:
        seen: list[Any] = []
        subscription = caproto_client.subscribe(self.pv(name))
        first = threading.Event()

        def heard(_: Any, response: Any) -> None:
            seen.append(self.plain(name, response.data[0]))
            first.set()
            if seen[-1] == last:
                subscription.interrupt()

        subscription.add_callback(heard)
        doing = threading.Thread(target=lambda: first.wait(WAIT_S) and do())
        doing.start()
        try:
            subscription.block(duration=WAIT_S, repeater=False)
        finally:
            doing.join()
            subscription.clear()
        assert seen and seen[-1] == last, seen
        return seen


Caller = Cscp | Tango | Libca | Caproto
