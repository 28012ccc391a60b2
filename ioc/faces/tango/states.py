"""What Tango calls the states of a satellite."""

from hitline.bus.states import State
from tango import DevState

STATES: dict[State, DevState] = {
    State.NEW: DevState.INIT,
    State.INITIALIZING: DevState.INIT,
    State.INIT: DevState.STANDBY,
    State.LAUNCHING: DevState.MOVING,
    State.LANDING: DevState.MOVING,
    State.ORBIT: DevState.ON,
    State.RECONFIGURING: DevState.MOVING,
    State.STARTING: DevState.RUNNING,
    State.RUN: DevState.RUNNING,
    State.STOPPING: DevState.RUNNING,
    State.INTERRUPTING: DevState.ALARM,
    State.SAFE: DevState.ALARM,
    State.ERROR: DevState.FAULT,
    State.DEAD: DevState.UNKNOWN,
}
