"""Who answers: type, generation and chip, as the readout tells them, against what the station file says."""

from typing import TYPE_CHECKING

from hitline.bus.attribute import Severity

from ...protocols.katherine.hardware import ChipId, Status

if TYPE_CHECKING:
    from .driver import Katherine


class Stranger(Exception):
    """What answers is not what the station file says, or cannot be driven."""


def show(driver: "Katherine", status: Status, chip: ChipId) -> None:
    """Publish who is there."""
    hardware, choice = status.hardware, driver.options.generation
    name = hardware.name if hardware else f"0x{status.type:02x}"
    told = hardware.generation if hardware else 1
    doubt = hardware is None and choice == "auto"
    good = (Severity.OK, "")
    driver.publish("hardware", name, *(good if hardware else (Severity.MINOR, "this type is not known")))
    driver.publish(
        "generation",
        told if choice == "auto" else int(choice),
        *((Severity.MINOR, "a guess: set generation in the station file") if doubt else good),
    )
    for attribute, value in (
        ("model", name),
        ("hardware_revision", status.revision),
        ("serial_number", status.serial),
        ("firmware", status.firmware),
        ("chip_id", chip.text),
    ):
        driver.publish(attribute, value)


def check(driver: "Katherine", status: Status, chip: ChipId) -> None:
    """Raise Stranger, and show the reason, when this readout cannot be driven or is not the right one."""
    address, hardware, wanted = driver.options.address, status.hardware, driver.options.chip_id
    if hardware is not None and hardware.chip != "Timepix3":
        _refuse(driver, "hardware", f"{hardware.name} at {address} has no Timepix3: it is not supported")
    if not chip.valid:
        _refuse(driver, "chip_id", f"the readout at {address} tells chip id 0: no chip is connected")
    if wanted and chip != ChipId.parse(wanted):
        _refuse(
            driver,
            "chip_id",
            f"the chip at {address} is {chip.text}, the station file wants {wanted}: check the cables, "
            "or correct chip_id",
        )


def _refuse(driver: "Katherine", attribute: str, reason: str) -> None:
    driver.publish(attribute, driver.value(attribute), Severity.MAJOR, reason)
    raise Stranger(reason)
