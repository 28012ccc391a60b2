"""The state machine: every move, legal or not, refusals, failures, interrupts; the stock one beside it."""

import asyncio

import pytest
from bus_toy import Toy
from constellation.core.fsm import SatelliteFSM
from constellation.core.protocol.cscp1 import SatelliteState
from hitline.bus.attribute import Refused
from hitline.bus.machine import Machine
from hitline.bus.states import TRANSITIONS, Role, State, interrupts, next_state
from hitline.bus.turn import Turn
from kit.until import until
from statemachine.exceptions import TransitionNotAllowed

MOVES = ("initialize", "launch", "land", "reconfigure", "start", "stop", "interrupt")
LIVING = [s for s in State if s is not State.DEAD]
PAYLOADS = {"initialize": {}, "reconfigure": {}, "start": "run_1"}
ENDS = {
    "initialize": State.INIT,
    "launch": State.ORBIT,
    "land": State.INIT,
    "reconfigure": State.ORBIT,
    "start": State.RUN,
    "stop": State.ORBIT,
    "interrupt": State.SAFE,
}


@pytest.fixture
async def machine() -> Machine:
    instrument = Toy("one")
    machine = Machine(instrument, Turn())
    return machine


def at(machine: Machine, state: State) -> Machine:
    machine.state = state
    return machine


@pytest.mark.parametrize("state", LIVING, ids=lambda s: s.name)
@pytest.mark.parametrize("command", MOVES)
async def test_every_move(machine: Machine, command: str, state: State) -> None:
    seen = []
    at(machine, state).on_change = lambda: seen.append(machine.state)
    if next_state(command, state) is None:
        with pytest.raises(Refused) as refusal:
            await machine.move(command, PAYLOADS.get(command))
        assert refusal.value.code == "state"
        assert state.name in refusal.value.text and machine.state is state and not machine.instrument.calls
    else:
        await machine.move(command, PAYLOADS.get(command))
        assert machine.state is ENDS[command]
        assert seen == [TRANSITIONS[command][state], ENDS[command]]
        assert machine.instrument.calls == [command]


@pytest.mark.parametrize("state", LIVING, ids=lambda s: s.name)
@pytest.mark.parametrize("command", [*MOVES, "failure"])
def test_the_stock_machine_allows_the_same(command: str, state: State) -> None:
    stock = SatelliteFSM()
    stock.current_state_value = SatelliteState(int(state))
    try:
        getattr(stock, command)("requested")
    except TransitionNotAllowed:
        assert next_state(command, state) is None
    else:
        assert int(next_state(command, state)) == stock.current_state_value.value


def test_goals_follow_from_the_codes() -> None:
    for command, rows in TRANSITIONS.items():
        for target in rows.values():
            if not target.steady:
                assert target.goal is ENDS[command]


@pytest.mark.parametrize("state", LIVING, ids=lambda s: s.name)
async def test_failure_from_anywhere(machine: Machine, state: State) -> None:
    at(machine, state).fail("dust in the tube")
    assert (machine.state, machine.status) == (State.ERROR, "dust in the tube")
    await asyncio.gather(*machine.turn.tasks)
    at_work = state.name in ("LAUNCHING", "LANDING", "ORBIT", "RECONFIGURING", "STARTING", "RUN", "STOPPING")
    assert machine.instrument.calls == (["interrupt"] if at_work else [])


async def test_a_refusal_changes_nothing(machine: Machine) -> None:
    machine.instrument.fail_in["launch"] = Refused("interlock", "door is open")
    at(machine, State.INIT)
    with pytest.raises(Refused, match="door is open"):
        await machine.request("launch")
    assert (machine.state, machine.status) == (State.INIT, "door is open")


async def test_a_failing_transition_ends_in_error_with_its_text(machine: Machine) -> None:
    machine.instrument.fail_in["stop"] = OSError("disk is gone")
    with pytest.raises(Refused, match="disk is gone") as refusal:
        await at(machine, State.RUN).move("stop")
    assert (refusal.value.code, machine.state) == ("failed", State.ERROR)
    assert machine.status == "stop failed: disk is gone"
    await until(lambda: machine.instrument.calls == ["stop", "interrupt"])
    await machine.move("initialize", {})
    assert machine.state is State.INIT


async def test_a_refused_interrupt_is_an_error(machine: Machine) -> None:
    machine.instrument.fail_in["interrupt"] = Refused("link", "no answer")
    with pytest.raises(Refused):
        await at(machine, State.RUN).move("interrupt")
    assert machine.state is State.ERROR


async def test_a_slow_transition_is_accepted_before_it_ends(machine: Machine) -> None:
    machine.instrument.hold["launch"] = gate = asyncio.Event()
    task = await at(machine, State.INIT).request("launch")
    assert machine.state is State.LAUNCHING and not task.done()
    gate.set()
    assert await task is None
    assert machine.state is State.ORBIT


async def test_an_interrupt_during_a_transition_follows_it(machine: Machine) -> None:
    machine.instrument.hold["start"] = gate = asyncio.Event()
    await at(machine, State.ORBIT).request("start", "run_1")
    machine.interrupt("peer is in ERROR")
    assert machine.state is State.STARTING
    gate.set()
    await until(lambda: machine.state is State.SAFE)
    assert machine.status == "peer is in ERROR"
    assert machine.instrument.calls == ["start", "interrupt"]


async def test_who_gives_up_waiting_does_not_undo_the_transition(machine: Machine) -> None:
    machine.instrument.hold["launch"] = gate = asyncio.Event()
    waiting = asyncio.create_task(at(machine, State.INIT).move("launch"))
    await asyncio.sleep(0.15)  # beyond the time in which a transition is accepted
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.set()
    await until(lambda: machine.state is State.ORBIT)


async def test_a_failure_during_a_transition_wins(machine: Machine) -> None:
    machine.instrument.hold["stop"] = gate = asyncio.Event()
    await at(machine, State.RUN).request("stop")
    machine.fail("link lost")
    with pytest.raises(Refused, match="has not ended yet"):
        await machine.request("initialize", {})
    gate.set()
    await until(lambda: not machine.turn.tasks)
    assert machine.state is State.ERROR
    await machine.move("initialize", {})
    assert machine.state is State.INIT


async def test_stop_and_interrupt_do_not_wait_for_the_turn(machine: Machine) -> None:
    async with machine.turn:
        for state, command in ((State.RUN, "stop"), (State.RUN, "interrupt")):
            await asyncio.create_task(at(machine, state).move(command))
        machine.state = State.INIT
        task = await machine.request("launch")  # in the task that holds the turn
        assert task.done() and machine.state is State.ORBIT
        other = asyncio.create_task(machine.move("land"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert machine.state is State.LANDING and not other.done()
    await other
    assert machine.state is State.INIT


@pytest.mark.parametrize(
    ("command", "payload"),
    [
        ("start", None),
        ("start", 5),
        ("start", ""),
        ("start", "a b"),
        ("start", "../x"),
        ("start", "a\n"),
        ("initialize", "x"),
        ("initialize", [1]),
        ("launch", [1]),
        ("stop", "now"),
    ],
)
async def test_wrong_payloads(machine: Machine, command: str, payload: object) -> None:
    for state in TRANSITIONS[command]:
        with pytest.raises(Refused) as refusal:
            await at(machine, state).request(command, payload)
        assert refusal.value.code == "type" and machine.state is state


async def test_configurations_are_kept(machine: Machine) -> None:
    await machine.move("initialize", {"a": 1, "_autonomy": {}})
    await machine.move("launch")
    await machine.move("reconfigure", {"b": 2})
    assert machine.config == {"a": 1, "b": 2, "_autonomy": {}}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", State, ids=lambda s: s.name)
def test_who_interrupts_whom(role: Role, state: State) -> None:
    strong = role in (Role.ESSENTIAL, Role.DYNAMIC)
    assert interrupts(state, role.value) is (strong and state in (State.SAFE, State.ERROR, State.DEAD))
    assert interrupts(state, role.value, departed=True) is (role is Role.ESSENTIAL)
