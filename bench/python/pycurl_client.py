"""pycurl: one handle in series, a multi handle with 100 streams of HTTP/2 in bulk."""

from io import BytesIO

import pycurl
from task import CA, IN_FLIGHT, ROOT, TOKEN, names, report, work

kind, count = work("serial", "bulk")


def handle():
    curl = pycurl.Curl()
    curl.setopt(pycurl.POST, 1)
    curl.setopt(pycurl.POSTFIELDS, "")
    curl.setopt(pycurl.CAINFO, CA)
    curl.setopt(pycurl.HTTPHEADER, [f"Authorization: Bearer {TOKEN}"])
    version = pycurl.CURL_HTTP_VERSION_1_1 if kind == "serial" else pycurl.CURL_HTTP_VERSION_2TLS
    curl.setopt(pycurl.HTTP_VERSION, version)
    curl.setopt(pycurl.PIPEWAIT, 1)
    return curl


def begin(curl, name):
    curl.body = BytesIO()
    curl.setopt(pycurl.URL, f"{ROOT}/v1/{name}:cancel")
    curl.setopt(pycurl.WRITEFUNCTION, curl.body.write)


def is_good(curl):
    return curl.getinfo(pycurl.RESPONSE_CODE) == 200 and curl.body.getvalue() == b"{}"


good = 0
todo = names(count)
if kind == "serial":
    curl = handle()
    for name in todo:
        begin(curl, name)
        curl.perform()
        good += is_good(curl)
else:
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
    multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, 1)
    under_way = set()

    def add(curl):
        name = next(todo, None)
        if name is not None:
            begin(curl, name)
            multi.add_handle(curl)
            under_way.add(curl)

    for _ in range(IN_FLIGHT):
        add(handle())
    while under_way:
        multi.perform()
        _, ended, failed = multi.info_read(IN_FLIGHT)
        for curl in [*ended, *(each[0] for each in failed)]:
            good += curl in ended and is_good(curl)
            multi.remove_handle(curl)
            under_way.discard(curl)
            add(curl)
        if under_way:
            multi.select(0.1)
report(good, count)
