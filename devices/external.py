"""The run log as an external asset of Bluesky documents: one stream resource, one datum per exposure."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

MIMETYPE = "application/x-hitline-runlog"
"""Says how to read it: `hitline.bus.log.reader.open_run`, or `docs/runlog.md`."""
SPEC = "hitline-runlog"


class RunLog:
    """Asset documents of one detector's run log.

    The data key is external ("STREAM:"): its values are not in the events, but in the log. The datum of an
    exposure has the indices [exposure - 1, exposure) of the log's exposures, which count from 1.
    """

    def __init__(self) -> None:
        self.run = ""
        self._uri = ""
        self._resource: dict[str, Any] | None = None
        self._exposure = 0

    def renew(self) -> None:
        """Begin a new resource document; every Bluesky run needs its own."""
        self._resource = None

    def begin(self, run: str, folder: str) -> None:
        """Note the run of the exposures to come; `folder` holds the log of this detector."""
        self.run, self._uri = run, f"file://localhost{quote(folder)}"

    def took(self, exposure: int) -> None:
        """Note an exposure that was taken."""
        self._exposure = exposure

    def describe(self, key: str, source: str) -> dict[str, Any]:
        """Data key: raw words of the readout, as many as the exposure has."""
        return {
            key: {
                "source": source,
                "dtype": "array",
                "dtype_numpy": "|u1",
                "shape": [1, None],
                "external": "STREAM:",
            }
        }

    def documents(self, key: str, source: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give the documents of the last noted exposure, once."""
        exposure, self._exposure = self._exposure, 0
        if not exposure:
            return
        if self._resource is None or self._resource["uri"] != self._uri:
            parameters = {"spec": SPEC, "run": self.run, "source": source}
            self._resource = {
                "uid": str(uuid.uuid4()),
                "data_key": key,
                "mimetype": MIMETYPE,
                "uri": self._uri,
                "parameters": parameters,
                "run_start": "",
            }
            # A copy: the RunEngine writes run_start into it.
            yield "stream_resource", dict(self._resource)
        uid = self._resource["uid"]
        yield (
            "stream_datum",
            {
                "uid": f"{uid}/{exposure}",
                "stream_resource": uid,
                "descriptor": "",
                "indices": {"start": exposure - 1, "stop": exposure},
                "seq_nums": {"start": 0, "stop": 0},
            },
        )
