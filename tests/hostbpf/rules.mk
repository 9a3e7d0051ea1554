# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Tests of bpf/lib run as plain programs against a small kernel made of arrays.
$(patsubst %.c,$(O)/%,$(wildcard tests/unit/bpf/test_*.c)): $(O)/tests/hostbpf/hostbpf.o
