"""Countermand, synchronous."""

from countermand import Client, CountermandError
from task import CA, IN_FLIGHT, ROOT, TOKEN, names, report, work

kind, count = work("serial", "confirm-serial", "scheduler")
good = 0
with Client(endpoint=ROOT, token=TOKEN, ca_file=CA, in_flight=IN_FLIGHT) as client:
    if kind == "serial":
        for name in names(count):
            try:
                client.cancel(name)
                good += 1
            except CountermandError:
                pass
    elif kind == "confirm-serial":
        from countermand import Verdict

        for name in names(count):
            try:
                good += client.countermand(name).verdict is Verdict.CANCELLED
            except CountermandError:
                pass
    else:
        from countermand import Outcome, Verdict

        for _, result in client.countermand_all(names(count), quota="none"):
            good += isinstance(result, Outcome) and result.verdict is Verdict.CANCELLED
report(good, count)
