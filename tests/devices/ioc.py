"""A small real CA server that behaves as the PVs of a station do, with faults by name.

Run: ioc.py PREFIX [EXPOSURE_S].

It stands for face, readout, worker and conductor in one process, so that every fault of the way between can
be brought about at an exact moment: "lose" drops an Acquire together with all circuits, "cut" begins the
exposure and then drops the circuits. Exposure n of a run has 100 + 7 n hits and 10 + n clusters.
"""

import asyncio
import contextlib
import json
import socket
import sys
import time

from caproto import AlarmSeverity, AlarmStatus, ChannelChar, ChannelDouble, ChannelEnum, ChannelInteger
from caproto.asyncio.server import Context
from hitline.ioc.drivers.ending import ENDS


def hits(n: int) -> int:
    return 100 + 7 * n


def clusters(n: int) -> int:
    return 10 + n


class World:
    """Everything behind the PVs."""

    def __init__(self, prefix: str, exposure_s: float) -> None:
        self.prefix = prefix
        self.exposure_s = exposure_s
        self.pvdb: dict = {}
        self.texts: set[str] = set()
        self.tasks: set[asyncio.Task] = set()
        self.context: Context | None = None
        self.stopped = asyncio.Event()
        self.runs = self.puts = 0
        det, ana, run = "DET1:", "ANA1:", "Run:"
        for name in (
            "HitsSent_RBV",
            "HitsLogged_RBV",
            "HitsLost_RBV",
            "LogWritten_RBV",
            "LogDurable_RBV",
            "RingFill_RBV",
            "RingDropped_RBV",
            "Exposure_RBV",
            "AcquireTime_RBV",
        ):
            self.number(det + name)
        self.number(
            det + "AcquireTime",
            put=self.set_time,
            units="s",
            precision=3,
            lower_ctrl_limit=0.0,
            upper_ctrl_limit=100.0,
        )
        for name, text in (
            ("RunId_RBV", ""),
            ("LossMethod_RBV", "SOURCE"),
            ("FilePath_RBV", "/data/none/det1"),
            ("Condition_RBV", "GOOD"),
            ("ExposureEndedBy_RBV", ""),
            ("ExposureCondition_RBV", ""),
            ("Manufacturer_RBV", "test"),
            ("Model_RBV", "fake"),
        ):
            self.text(det + name, text)
        self.enum(det + "Acquire", ("Done", "Acquire"), put=self.acquire)
        self.enum(det + "DetectorState_RBV", ("Idle", "Acquire"))
        self.enum(det + "Acquire_RBV", ("Done", "Acquire"))
        self.enum(det + "AcquireBusy", ("No", "Yes"))
        self.enum(det + "ExposureEnd_RBV", ENDS)
        self.enum(det + "Stop", ("Done", "Stop"), put=self.stop)
        for name in (
            "Exposure_RBV",
            "ExposureHits_RBV",
            "ExposureClusters_RBV",
            "ExposureTotSum_RBV",
            "Hits_RBV",
            "Clusters_RBV",
            "TotSum_RBV",
            "Lost_RBV",
            "LateHits_RBV",
            "UnknownWords_RBV",
            "Blocks_RBV",
            "SetAside_RBV",
            "HitRate_RBV",
            "image1:ArraySize0_RBV",
            "image1:ArraySize1_RBV",
            "Stats1:Total_RBV",
            "Stats1:MaxValue_RBV",
            "Stats1:MaxX_RBV",
            "Stats1:MaxY_RBV",
            "Lag_RBV",
            "LagS_RBV",
            "Window_RBV",
            "UpdateRate",
            "UpdateRate_RBV",
        ):
            self.number(ana + name)
        self.text(ana + "RunId_RBV", "")
        self.enum(ana + "Analysing_RBV", ("No", "Yes"))
        for name, size in (
            ("ChipHits_RBV", 16),
            ("image1:ArrayData", 512 * 512),
            ("TotSpectrum_RBV", 1024),
            ("SizeSpectrum_RBV", 256),
            ("ClusterTotSpectrum_RBV", 4096),
        ):
            self.pvdb[prefix + ana + name] = ChannelInteger(value=[0] * size, max_length=size)
        states = (
            "Idle",
            "Arming",
            "Armed",
            "Starting",
            "Running",
            "Stopping",
            "Landing",
            "Aborting",
            "Aborted",
            "Error",
        )
        self.enum(run + "State_RBV", states)
        for name in ("RunId_RBV", "Owner_RBV", "Members_RBV", "Condition_RBV", "Started_RBV", "Message_RBV"):
            self.text(run + name, "")
        self.number(run + "Exposures_RBV")
        self.enum(run + "Busy_RBV", ("No", "Yes"))
        for name, put in (("Launch", self.launch), ("Start", self.start)):
            self.text(run + name, "", put=put)
        for name, put in (("Stop", self.end), ("Land", self.land), ("Abort", self.end), ("Reset", self.land)):
            self.enum(run + name, ("Done", name), put=put)
        for name in (
            "Heartbeat",
            "UpTime",
            "CaClients",
            "Restarts",
            "Processes_RBV",
            "DiskFree_RBV",
            "DiskFullIn_RBV",
        ):
            self.number(name)
        readbacks = ("LastRefusal", "LastRestart", "Failed", "Host", "File")
        for name in ("Version", "Face:Errors", *(f"{name}_RBV" for name in readbacks)):
            self.text(name, "")
        self.text("Test:Mode", "")
        self.text("Test:Text", "a")
        self.number("Test:Puts")

    def number(self, name, put=None, **metadata):
        self._add(name, ChannelDouble, put, value=0.0, **metadata)

    def text(self, name, value, put=None):
        self.texts.add(name)
        self._add(name + ".VAL$", ChannelChar, put, value=value, max_length=256, string_encoding="utf-8")

    def enum(self, name, choices, put=None):
        self._add(name, ChannelEnum, put, value=choices[0], enum_strings=choices)

    def _add(self, name, base, put, **kwargs):
        channel = base(**kwargs)
        if put is not None:

            class Handled(base):
                async def write_from_dbr(self, *args, **more):
                    result = await super().write_from_dbr(*args, **more)
                    await put(self.value)
                    return result

            channel = Handled(**kwargs)
        self.pvdb[self.prefix + name] = channel

    def get(self, name):
        return self._channel(name).value

    def _channel(self, name):
        return self.pvdb[self.prefix + name + (".VAL$" if name in self.texts else "")]

    async def show(self, name, value, valid=True):
        channel = self._channel(name)
        await channel.write(value, timestamp=time.time())
        await channel.write_metadata(
            status=AlarmStatus.NO_ALARM if valid else AlarmStatus.LINK,
            severity=AlarmSeverity.NO_ALARM if valid else AlarmSeverity.INVALID_ALARM,
        )

    async def mode(self):
        """Take the fault that is asked for next; it happens once."""
        found = self.get("Test:Mode")
        await self.show("Test:Mode", "")
        return found

    def spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def cut(self):
        for circuit in list(self.context.circuits):
            circuit.client.writer.transport.abort()

    async def set_time(self, value):
        mode = await self.mode()
        if mode == "refuse":
            await self.show("LastRefusal_RBV", f"{self.prefix}DET1:AcquireTime: {value} s refused for a test")
            return
        await self.show("DET1:AcquireTime_RBV", value)
        if mode in ("ramp", "ramp cut"):  # shown at once, under way for longer
            await self.show("DET1:AcquireBusy", "Yes")
            if mode == "ramp cut":
                self.spawn(self.arrive(1.0))
                self.cut()
            else:
                await self.arrive(0.4)

    async def arrive(self, after_s):
        await asyncio.sleep(after_s)
        await self.show("DET1:AcquireBusy", "No")

    async def acquire(self, value):
        if value in (0, "Done"):
            await self.stop(1)
            return
        self.puts += 1
        await self.show("Test:Puts", self.puts)
        mode = await self.mode()
        if mode == "lose":
            self.cut()
            return
        if mode == "refuse":
            await self.show("LastRefusal_RBV", f"{self.prefix}DET1:Acquire: shutter is locked for the test")
            return
        if mode == "cut":
            self.spawn(self.expose(mode))
            await asyncio.sleep(self.exposure_s / 2)
            self.cut()
            return
        await self.expose(mode)

    async def expose(self, mode):
        p = "DET1:"
        await self.show(p + "AcquireBusy", "Yes")
        await self.show(p + "Acquire_RBV", "Acquire")
        own = self.get("Run:State_RBV") != "Running"
        if own:
            await self.new_run()
        n = int(self.get(p + "Exposure_RBV")) + 1
        run = self.get(p + "RunId_RBV")
        await self.show(p + "ExposureEnd_RBV", "Going")
        await self.show(p + "Exposure_RBV", n)
        self.stopped.clear()
        if mode in ("halt", "interrupt"):  # by somebody else
            asyncio.get_running_loop().call_later(self.exposure_s / 2, self.stopped.set)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), 1e6 if mode == "hang" else self.exposure_s)
        if mode == "restart":
            await self.show(p + "Exposure_RBV", 0)
            await self.show(p + "RunId_RBV", "")
            await self.show(p + "AcquireBusy", "No")
            return
        if mode == "died":  # and came back: it shows where it died
            await self.show(p + "AcquireBusy", "No", valid=False)
            await asyncio.sleep(0.6)
            await self.show(p + "Condition_RBV", "INCOMPLETE")
            await self.show(p + "ExposureEndedBy_RBV", "the death of its readout")
            await self.show(p + "ExposureEnd_RBV", "Interrupted")
            await self.show(p + "AcquireBusy", "No")
            return
        total = self.get(p + "HitsLogged_RBV") + hits(n)
        await self.show(p + "HitsLogged_RBV", total)
        await self.show(p + "HitsSent_RBV", total)
        await self.show(p + "HitsLost_RBV", 0, valid=mode != "unknown")
        end = "Stopped" if self.stopped.is_set() else "Whole"
        await self.show(p + "ExposureEndedBy_RBV", "" if end == "Whole" else "other@there (10.0.0.7)")
        await self.show(p + "ExposureEnd_RBV", "Interrupted" if mode == "interrupt" else end)
        await self.show(p + "Acquire_RBV", "Done")
        await self.show(p + "AcquireBusy", "No")
        if mode == "jump":
            await self.show(p + "Exposure_RBV", n + 1)
        if mode != "quiet":
            self.spawn(self.analyse(run, n, mode))

    async def analyse(self, run, n, mode):
        if mode == "slow":
            await asyncio.sleep(1.0)
        p = "ANA1:"
        first = self.get(p + "RunId_RBV") != run
        await self.show(p + "RunId_RBV", run)
        await self.show(p + "ExposureHits_RBV", hits(n), valid=mode != "blank")
        await self.show(p + "ExposureClusters_RBV", clusters(n))
        await self.show(p + "ExposureTotSum_RBV", 3 * hits(n))
        for name, more in (("Hits_RBV", hits(n)), ("Clusters_RBV", clusters(n)), ("TotSum_RBV", 3 * hits(n))):
            await self.show(p + name, more + (0 if first else self.get(p + name)))
        await self.show(p + "Exposure_RBV", n)
        if mode == "blank":  # as after the restart of a face: the number is known before the counts are
            await asyncio.sleep(0.6)
            await self.show(p + "ExposureHits_RBV", hits(n))

    async def stop(self, value):
        self.stopped.set()

    async def new_run(self):
        self.runs += 1
        await self.show("DET1:Exposure_RBV", 0)
        await self.show("DET1:HitsLogged_RBV", 0)
        await self.show("DET1:Condition_RBV", "GOOD")
        await self.show("DET1:FilePath_RBV", f"/data/run {self.runs}/det1")
        await self.show("DET1:RunId_RBV", f"20260101-00000{self.runs}")

    async def move(self, via, goal):
        await self.show("Run:State_RBV", via)
        await asyncio.sleep(0.02)
        await self.show("Run:State_RBV", goal)

    async def launch(self, owner):
        mode = await self.mode()
        if mode == "refuse":
            await self.show("LastRefusal_RBV", f"{self.prefix}Run:Launch: refused for the test")
        elif mode == "lose":
            self.cut()
        else:
            await self.show("Run:Owner_RBV", owner)
            await self.move("Arming", "Armed")

    async def start(self, owner):
        await self.new_run()
        await self.show("Run:RunId_RBV", self.get("DET1:RunId_RBV"))
        await self.move("Starting", "Running")

    async def end(self, value):
        self.stopped.set()
        if self.get("Run:State_RBV") == "Running":
            await self.move("Stopping", "Armed")

    async def land(self, value):
        if self.get("Run:State_RBV") == "Armed":
            await self.move("Landing", "Idle")
            await self.show("Run:Owner_RBV", "")


async def main(prefix: str, exposure_s: float = 0.05) -> None:
    world = World(prefix, exposure_s)
    world.context = Context(world.pvdb, ["127.0.0.1"])

    async def started(_):
        # Inherited by the accepted sockets; without it an answer may wait 40 ms for an acknowledgement.
        for listener in world.context.tcp_sockets.values():
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print("ready " + json.dumps({"ca_port": world.context.port}), flush=True)

    await world.context.run(log_pv_names=False, startup_hook=started)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:])))
