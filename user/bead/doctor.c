/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/bead/machine.h"
#include "user/bead/plan.h"
#include "user/core/opts.h"
#include "user/core/own.h"

#define ROOM_BYTES   (100ull << 20) /* that a store should find */
#define STEAL_PCT    1.0
#define STEAL_LOOK_S 3600

const char *pb_doctor_state_name(enum pb_doctor_state state)
{
	static const char *const names[] = {
		[PB_DOCTOR_OK] = "ok",
		[PB_DOCTOR_NOTE] = "note",
		[PB_DOCTOR_CANNOT] = "cannot",
	};

	return names[state];
}

void pb_doctor_add(struct pb_doctor *d, const char *name, enum pb_doctor_state state,
		   const char *format, ...)
{
	struct pb_doctor_check *check;
	va_list args;

	if (d->n >= PB_DOCTOR_CHECKS)
		return;
	check = &d->checks[d->n++];
	snprintf(check->name, sizeof(check->name), "%s", name);
	check->state = state;
	va_start(args, format);
	vsnprintf(check->text, sizeof(check->text), format, args);
	va_end(args);
}

/* The first line of a small file; "" if it cannot be read. */
static const char *line_of(const char *path, char *line, size_t size)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void look_at_kernel(struct pb_doctor *d)
{
	struct utsname u;

	if (!uname(&u))
		pb_doctor_add(d, "kernel", PB_DOCTOR_OK, "%s %s, %s", u.sysname, u.release,
			      u.machine);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		pb_doctor_add(
			d, "btf", PB_DOCTOR_NOTE,
			"/sys/kernel/btf/vmlinux cannot be read, and the profilers need it: a "
			"kernel with CONFIG_DEBUG_INFO_BTF");
	else
		pb_doctor_add(d, "btf", PB_DOCTOR_OK, "the kernel describes its types");
}

static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[capability / 32].effective >> (capability % 32) & 1;
}

static void look_at_privilege(struct pb_doctor *d)
{
	bool bpf = has_capability(CAP_BPF), perfmon = has_capability(CAP_PERFMON);
	char paranoid[32];

	if (bpf && perfmon)
		pb_doctor_add(d, "privilege", PB_DOCTOR_OK, "%s",
			      geteuid() ? "CAP_BPF and CAP_PERFMON" : "root");
	else
		pb_doctor_add(d, "privilege", PB_DOCTOR_NOTE,
			      "without %s; baseline, oracle, ab and gate work, profilers and the "
			      "count of system calls do not: use sudo",
			      bpf       ? "CAP_PERFMON"
			      : perfmon ? "CAP_BPF"
					: "CAP_BPF and CAP_PERFMON");
	line_of("/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid));
	if (paranoid[0])
		pb_doctor_add(d, "perf_event_paranoid", PB_DOCTOR_OK, "%s%s", paranoid,
			      perfmon ? ", which does not bind us" : "");
}

static void look_at_pmu(struct pb_doctor *d)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	pb_autoclose int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd >= 0)
		pb_doctor_add(d, "sampling", PB_DOCTOR_OK, "cpuflame samples by the CPU's cycles");
	else if (errno == EACCES || errno == EPERM)
		pb_doctor_add(d, "sampling", PB_DOCTOR_NOTE,
			      "whether the CPU counts cycles is not for us to see");
	else
		pb_doctor_add(
			d, "sampling", PB_DOCTOR_NOTE,
			"no cycles are counted here, so cpuflame samples by cpu-clock, and sees "
			"no code that runs with interrupts off");
}

static void look_at_cpus(struct pb_doctor *d)
{
	char text[128], governor[32], turbo[16], load[64];
	uint32_t cpus = pb_machine_cpus();
	const char *busy;

	busy = line_of("/proc/loadavg", load, sizeof(load));
	pb_doctor_add(d, "cpus", cpus > 1 ? PB_DOCTOR_OK : PB_DOCTOR_NOTE, "%u%s", cpus,
		      cpus > 1 ? "" : ": bead itself and what it measures share it");
	load[strcspn(load, " ")] = '\0';
	if (busy[0]) {
		/* Whole numbers do: nobody needs a parser for the rest. */
		uint64_t whole = 0;

		snprintf(text, sizeof(text), "%.*s", (int)strcspn(load, "."), load);
		if (pb_parse_uint(text, 0, UINT32_MAX, &whole))
			whole = 0;
		pb_doctor_add(d, "load", whole >= cpus ? PB_DOCTOR_NOTE : PB_DOCTOR_OK,
			      "%s over the last minute%s", load,
			      whole >= cpus ? ": the CPUs are all busy, and runs wait for them"
					    : "");
	}
	line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor,
		sizeof(governor));
	if (governor[0])
		pb_doctor_add(d, "governor",
			      strcmp(governor, "performance") ? PB_DOCTOR_NOTE : PB_DOCTOR_OK,
			      "%s%s", governor,
			      strcmp(governor, "performance")
				      ? ": the CPUs' speed follows the load; \"performance\" is "
					"steadier"
				      : "");
	line_of("/sys/devices/system/cpu/cpufreq/boost", turbo, sizeof(turbo));
	if (turbo[0])
		pb_doctor_add(d, "turbo", turbo[0] == '1' ? PB_DOCTOR_NOTE : PB_DOCTOR_OK, "%s",
			      turbo[0] == '1' ? "on: the CPUs' speed follows heat and load"
					      : "off");
	line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource", text,
		sizeof(text));
	if (text[0])
		pb_doctor_add(d, "clock", PB_DOCTOR_OK, "%s", text);
}

static void look_at_steal(struct pb_doctor *d)
{
	struct pb_machine m;
	double pct;

	pb_machine_read(&m);
	pct = m.busy_ns ? 100 * (double)m.steal_ns / (double)(m.busy_ns + m.steal_ns) : 0;
	pb_doctor_add(d, "steal", pct > STEAL_PCT ? PB_DOCTOR_NOTE : PB_DOCTOR_OK,
		      "since it was started, the hypervisor kept %.2f %% of the CPU time that was "
		      "wanted here",
		      pct);
}

/* Where a file gives its choice as "always [madvise] never". */
static void chosen(char *text)
{
	char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;

	if (!to)
		return;
	*to = '\0';
	memmove(text, from + 1, (size_t)(to - from));
}

static void look_at_memory(struct pb_doctor *d)
{
	char text[128];

	line_of("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text));
	chosen(text);
	if (text[0])
		pb_doctor_add(d, "huge pages",
			      strcmp(text, "always") ? PB_DOCTOR_OK : PB_DOCTOR_NOTE, "%s%s", text,
			      strcmp(text, "always")
				      ? ""
				      : ": whether a run gets them is chance, and its "
					"time and memory with it");
	line_of("/proc/sys/kernel/randomize_va_space", text, sizeof(text));
	if (text[0])
		pb_doctor_add(d, "address layout", PB_DOCTOR_OK,
			      text[0] == '0'
				      ? "fixed: each run has the same, good or bad"
				      : "random in each run, so that many runs average over it");
}

static void look_at_room(struct pb_doctor *d, const char *directory)
{
	struct statvfs v;
	double free_bytes;

	if (statvfs(directory, &v)) {
		pb_doctor_add(d, "store", PB_DOCTOR_CANNOT, "%s: %s", directory, strerror(errno));
		return;
	}
	free_bytes = (double)v.f_bavail * (double)v.f_frsize;
	if (access(directory, W_OK))
		pb_doctor_add(d, "store", PB_DOCTOR_CANNOT,
			      "%s cannot be written to: what needs a plan needs .bead there",
			      directory);
	else
		pb_doctor_add(d, "store",
			      free_bytes < (double)ROOM_BYTES ? PB_DOCTOR_NOTE : PB_DOCTOR_OK,
			      "%.1f GB free for %s/.bead", free_bytes / 1e9, directory);
}

void pb_doctor_look(struct pb_doctor *d, const char *directory)
{
	look_at_kernel(d);
	look_at_privilege(d);
	look_at_pmu(d);
	look_at_cpus(d);
	look_at_steal(d);
	look_at_memory(d);
	look_at_room(d, directory);
}

/* Is there a program of that name for a workload, as far as bead's own PATH says? */
static bool is_there(const struct pb_plan_workload *w)
{
	const char *path = getenv("PATH"), *command = w->argv[0];
	pb_autofree char *copy = strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	pb_autoclose int directory = open(w->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *save = NULL, file[4096];

	if (directory < 0 || !copy)
		return false;
	if (strchr(command, '/'))
		return !faccessat(directory, command, X_OK, 0);
	for (char *part = strtok_r(copy, ":", &save); part; part = strtok_r(NULL, ":", &save)) {
		snprintf(file, sizeof(file), "%s/%s", part, command);
		if (!faccessat(directory, file, X_OK, 0))
			return true;
	}
	return false;
}

static bool can(const struct pb_doctor *d, const char *name)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (!strcmp(d->checks[i].name, name))
			return d->checks[i].state != PB_DOCTOR_CANNOT;
	return true;
}

void pb_doctor_look_at_plan(struct pb_doctor *d, const struct pb_plan *plan)
{
	static const char *const tools[PB_BEAD_KINDS] = {
		[PB_BEAD_CPU_FLAME] = "cpuflame",
		[PB_BEAD_ALLOC_SITES] = "allocsites",
		[PB_BEAD_IO_LATENCY] = "iolatency",
	};

	for (uint32_t i = 0; i < plan->n_beads; i++) {
		const struct pb_plan_bead *bead = &plan->beads[i];
		const struct pb_plan_workload *missing = NULL;

		for (uint32_t k = 0; k < bead->n_workloads && !missing; k++)
			if (!is_there(&plan->workloads[bead->workloads[k]]))
				missing = &plan->workloads[bead->workloads[k]];
		if (missing)
			pb_doctor_add(d, bead->id, PB_DOCTOR_CANNOT,
				      "workload \"%s\": there is no program %.200s in %.200s",
				      missing->name, missing->argv[0], missing->directory);
		else if (tools[bead->kind] && !can(d, tools[bead->kind]))
			pb_doctor_add(d, bead->id, PB_DOCTOR_CANNOT,
				      "%s does not work here, see above", tools[bead->kind]);
		else
			pb_doctor_add(d, bead->id, PB_DOCTOR_OK, "%s, can run",
				      pb_bead_kind_name(bead->kind));
	}
}
