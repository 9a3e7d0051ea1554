/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The one place that includes libbpf's BPF headers. Unit tests compile the headers of bpf/lib as
 * plain C and put their own stand-ins in place of this file by defining PB_HOST_BPF.
 */
#ifndef PB_LIB_HELPERS_BPF_H
#define PB_LIB_HELPERS_BPF_H

#ifdef PB_HOST_BPF
#include "tests/hostbpf/helpers.h"
#else
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#endif

#define PB_EBUSY     16
#define PB_EDEADLK   35
#define PB_ETIMEDOUT 110

/* What a map says whose lock is held: by the code that was interrupted, as was -PB_EBUSY before 6.15, or by another CPU
 * for far too long (4fa8d68aa53e, rqspinlock). */
static __always_inline bool pb_is_busy(long err)
{
	return err == -PB_EBUSY || err == -PB_EDEADLK || err == -PB_ETIMEDOUT;
}

#endif
