"""Batches: what belongs together is seen together, and the last value counts."""

import asyncio
import time
from pathlib import Path

import numpy as np
from ca_rig import DB, Rig, running
from hitline.db.generate import database
from hitline.ioc.faces.ca.face import BATCH_S
from hitline.ioc.faces.common import FACE


async def test_who_sees_exposure_n_reads_results_of_n_or_newer(rig: Rig, libca):
    """The backend publishes the result first and the number of its exposure last, as fast as it can."""
    p = rig.prefix
    stop = asyncio.Event()

    async def publish() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            rig.device.publish("count", n)
            rig.device.publish("voltage", float(n))
            rig.device.publish("exposure", n)
            await asyncio.sleep(0.0005)

    await libca(
        f"ORDER = []\nA = Watched('{p}Count'); B = Watched('{p}Exposure')\n"
        "A.pv.add_callback(lambda value=None, **k: ORDER.append(('count', value)))\n"
        "B.pv.add_callback(lambda value=None, **k: ORDER.append(('exposure', value)))\n"
        f"E = pv('{p}Exposure'); C = pv('{p}Count'); V = pv('{p}Voltage')"
    )
    publishing = asyncio.create_task(publish())
    pairs = await libca(
        "[(E.get(use_monitor=False), C.get(use_monitor=False), V.get(use_monitor=False)) for _ in range(150)]"
    )
    stop.set()
    await publishing
    assert all(count >= exposure and voltage >= exposure for exposure, count, voltage in pairs)
    assert len({exposure for exposure, *_ in pairs}) > 5
    heard = await libca("ORDER")
    count = 0
    seen = 0
    for name, value in heard:
        if name == "count":
            count = value
        else:
            seen += 1
            assert count >= value, "the exposure was sent before its result"
    assert seen > 5


async def test_last_value_of_a_burst_counts(group, tmp_path: Path, ca_port, prefix, libca):
    own = database(FACE, title="face", instrument="face", prefix="$(P)")
    async with running(group, tmp_path, ca_port, prefix=prefix, db=DB + own) as rig:
        await libca(f"watch('{prefix}Count').until(len)")
        for burst in range(20):
            for n in range(100):
                rig.device.publish("count", burst * 100 + n)
            await asyncio.sleep(0.001)
        heard = await libca(f"watch('{prefix}Count').until(lambda h: h[-1][0] == 1999)")
        values = [value for value, *_ in heard]
        assert values == sorted(values)
        assert len(values) < 500
        await rig.until(
            lambda: (
                rig.face.own.updates.get("ca_conflated") is None
                or rig.face.own.updates["ca_conflated"].value > 1000
            )
        )


async def test_each_change_of_a_busy_flag_is_sent(rig: Rig, libca):
    """Twenty moves in one batch: the flag, and the command that begins them, go up and down twenty times."""
    p = rig.prefix
    for name in ("Ramping", "Fire"):
        await libca(f"watch('{p}{name}').until(len)")
    for n in range(20):
        rig.device.publish("ramping", True)
        rig.device.publish("count", n)
        rig.device.publish("ramping", False)
    for name in ("Ramping", "Fire"):
        heard = await libca(f"watch('{p}{name}').until(lambda h: len(h) > 40 and h[-1][0] == 0)")
        assert [value for value, *_ in heard] == [0, *(1, 0) * 20], name
    assert not rig.face.server.dropped


async def test_lone_updates_wait_for_one_batch_and_busy_times_make_longer_batches(rig: Rig):
    face = rig.face
    await rig.until(lambda: face._period_s == BATCH_S)
    rig.device.publish("count", 77)
    await rig.shows("Count", 77)
    original = rig.channel("Count").show

    def slow(value, update):
        end_s = time.thread_time() + 0.03
        while time.thread_time() < end_s:
            pass
        original(value, update)

    rig.channel("Count").show = slow
    rig.device.publish("count", 78)
    await rig.shows("Count", 78)
    assert 0.05 < face._period_s <= 0.5


async def test_image_is_limited_for_subscribers_and_new_for_readers(rig: Rig, libca):
    p = rig.prefix
    await libca(f"watch('{p}Image_RBV').until(len)")
    before = await libca(f"len(watch('{p}Image_RBV').heard)")
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    for n in range(1, 61):
        rig.device.publish("image", np.full((512, 512), n, "<i4"))
        await asyncio.sleep(0.01)
    await rig.until(lambda: rig.channel("Image_RBV").length and rig.channel("Image_RBV").content[0] == 60)
    assert await libca(f"pv('{p}Image_RBV').get(count=2, use_monitor=False)") == [60, 60]
    heard = await libca(f"watch('{p}Image_RBV').until(lambda h: h[-1][0][2] == 60)")
    assert 3 <= len(heard) - before <= (loop.time() - started_s) / 0.05 + 2


async def test_image_is_there_before_the_number_of_its_exposure(rig: Rig):
    """Images come by another socket than scalars; still, who sees the number reads the image of it."""
    for n in range(1, 60):
        rig.device.publish("image", np.full((512, 512), n, "<i4"))
        rig.device.publish("exposure", n)
        await rig.shows("Exposure", n)
        assert rig.channel("Image_RBV").content[0] >= n
