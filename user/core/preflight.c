/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/preflight.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/core/log.h"
#include "user/core/own.h"

/* Since 5.8; absent from older headers. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif

#define BTF_PATH    "/sys/kernel/btf/vmlinux"
/* Inode of the first pid namespace, PROC_PID_INIT_INO in include/linux/proc_ns.h. */
#define INIT_PID_NS "pid:[4026531836]"

static bool has_capability(const struct __user_cap_data_struct *data, int cap)
{
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

/* The effective set, not access(2), which asks for the real uid and lies under file capabilities. */
static int check_capabilities(const char *program)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	bool bpf, perfmon;

	if (syscall(SYS_capget, &header, data))
		return pb_err(errno, "read our capabilities");
	if (has_capability(data, CAP_SYS_ADMIN))
		return 0;
	bpf = has_capability(data, CAP_BPF);
	perfmon = has_capability(data, CAP_PERFMON);
	if (bpf && perfmon)
		return 0;
	return pb_fail(
		EPERM,
		"not permitted: %s missing. Run it as root (sudo %s ...), or grant the "
		"capabilities once: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog,"
		"cap_dac_read_search,cap_checkpoint_restore+ep $(command -v %s)",
		bpf       ? "CAP_PERFMON is"
		: perfmon ? "CAP_BPF is"
			  : "CAP_BPF and CAP_PERFMON are",
		program, program);
}

static int check_btf(void)
{
	int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return pb_fail(EOPNOTSUPP,
			       "cannot read %s (%s): the kernel must be built with "
			       "CONFIG_DEBUG_INFO_BTF=y, and /sys be mounted",
			       BTF_PATH, strerror(errno));
	close(fd);
	return 0;
}

static int check_lockdown(void)
{
	pb_autofclose FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128];

	if (f && fgets(line, sizeof(line), f) && strstr(line, "[confidentiality]"))
		return pb_fail(EPERM,
			       "kernel lockdown=confidentiality forbids reading kernel memory; "
			       "boot with lockdown=integrity to profile this machine");
	return 0;
}

/* The kernel half counts in pids of the first namespace; elsewhere they would name others. */
static int check_pid_namespace(void)
{
	char name[64];
	ssize_t len = readlink("/proc/self/ns/pid", name, sizeof(name) - 1);

	if (len < 0)
		return pb_err(errno, "read /proc/self/ns/pid (is /proc mounted?)");
	name[len] = '\0';
	if (strcmp(name, INIT_PID_NS))
		return pb_fail(EOPNOTSUPP,
			       "this runs inside a pid namespace of its own: run it in the "
			       "host's (docker run --pid=host, or outside the container)");
	return 0;
}

int pb_preflight(const char *program)
{
	int err = check_capabilities(program);

	err = err ? err : check_lockdown();
	err = err ? err : check_btf();
	return err ? err : check_pid_namespace();
}

void pb_preflight_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		pb_log(PB_LOG_DEBUG, "cannot raise the limit of open files: %s", strerror(errno));
}

bool pb_preflight_is_old(void)
{
	/* What we need of 6.1 is not a helper; this one came with it. */
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_user_ringbuf_drain,
				       NULL) == 0;
}

int pb_preflight_explain_load(int err, uint64_t map_bytes)
{
	struct utsname kernel = {.release = "?"};

	uname(&kernel);
	switch (err) {
	case EPERM: /* not EACCES: that is the verifier's */
		return pb_fail(
			EPERM,
			"the kernel does not let us load BPF programs (%s); run as root (sudo)",
			strerror(err));
	case ENOMEM:
		return pb_fail(
			ENOMEM,
			"no memory for maps of %.1f MB: a memory cgroup or ulimit -l stands in the "
			"way; lower --max-stacks or --ring-size",
			(double)map_bytes / 1e6);
	}
	return pb_fail(EOPNOTSUPP, "kernel %s refused the BPF programs (%s): %s", kernel.release,
		       strerror(err),
		       pb_preflight_is_old() ? "6.1 or newer is needed"
					     : "is it locked down? -v shows the verifier's words");
}
