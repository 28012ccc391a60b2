"""The blocking client, from a thread, as the command line uses it."""

import pytest
from bus_toy import Toy, in_thread
from hitline.bus.attribute import Refused, Update
from hitline.bus.satellite import Satellite
from hitline.bus.states import State
from hitline.bus.sync import Client
from kit.patience import WAIT_S
from kit.until import until


async def test_everything_a_script_needs(satellite: Satellite, toy: Toy, group: str) -> None:
    heard: list[tuple[str, Update]] = []

    def script() -> None:
        with Client(group, find_s=WAIT_S) as client:
            found = client.instruments(0.3)
            assert list(found) == ["one"] and found["one"].connected
            assert client.state("one") is State.NEW
            client.transition("one", "initialize", until=State.INIT)
            assert client.attributes("one")["voltage"].unit == "V"
            assert client.commands("one")["add"].args == (("a", "float"), ("b", "float"))
            assert client.set("one", "voltage", -3).value == -3.0
            assert client.get("one", "voltage").value == -3.0
            assert client.command("one", "add", 1, 2).value == 3.0
            assert client.updates("one")["mode"].value == "Slow"
            end = client.watch("one", lambda name, update: heard.append((name, update)))
            with pytest.raises(Refused, match="above the limit"):
                client.set("one", "voltage", 3)
            with pytest.raises(TimeoutError, match=r"still under way after 0\.1 s"):
                client.set("one", "voltage", -4, wait_s=0.1)
            client.find_s = 0.2
            with pytest.raises(TimeoutError, match="no instrument 'nobody' is on the bus"):
                client.get("nobody", "x")
            end()

    await in_thread(script)
    assert any(name == "voltage" and update.value == -4.0 for name, update in heard)
    await until(lambda: not satellite.publisher.metrics.subscriptions)


async def test_a_client_that_cannot_start_says_why() -> None:
    with pytest.raises(ValueError, match="not an IPv4 address"):
        Client("g", interface="lo")

    def script() -> None:
        with (
            pytest.raises(OSError, match=r"cannot use interfaces 127\.0\.0\.1, 192\.0\.2\.1 for discovery"),
            Client("g", interface="192.0.2.1"),
        ):
            pass

    await in_thread(script)
