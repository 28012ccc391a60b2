"""A driver meets its readout: who is there, what is shown of it."""


async def test_what_the_readout_tells_is_shown(make):
    async with make() as b:
        assert b["hardware"] == b["model"] == "Katherine for Timepix3" and b["generation"] == 1
        assert b["chip_id"] == "K7-W0005" and b["serial_number"] == 0x1234 and b["firmware"] == 0x0105
        assert b["hardware_revision"] == 2 and b["link_chips"] == 1 and b["link_rate"] == 1280.0
        assert b["readout_temperature"] == 45.25 and b["sensor_temperature"] == 38.5
        assert b["detector_state"] == "Idle" and b["order_checked"] is False
        assert b.quality("voltage_set")[0] == "INVALID" and b.quality("configured")[0] == "MINOR"


async def test_one_exposure(make):
    async with make() as b:
        await b.set("acquire_time", 0.3)
        await b.acquire()
        assert b["condition"] == "GOOD"
        assert b["hits_sent"] == b["hits_logged"] == len(b.truth[0].hits)
