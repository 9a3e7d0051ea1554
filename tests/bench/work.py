# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Python at work: byte code, regular expressions, JSON, sorting with callbacks into Python."""
import functools
import json
import re

WORD = re.compile(r"(\w+)-(\d+)")


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def rows(n):
    return [{"key": "item-%d" % (i * 7919 % n), "list": [i, i * 2.5, None]} for i in range(n)]


def compare(a, b):
    return (a["list"][1] > b["list"][1]) - (a["list"][1] < b["list"][1])


def turn():
    data = json.loads(json.dumps(rows(2000)))
    data.sort(key=functools.cmp_to_key(compare), reverse=True)
    return sum(int(WORD.sub(r"\2", row["key"])) for row in data) + fib(18)


print("ready", flush=True)
while True:
    turn()
