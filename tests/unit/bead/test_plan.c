/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "user/bead/sha256.h"
#include "user/core/log.h"

#define MISTAKES "tests/unit/bead/mistakes.txt"

static const char whole[] =
	"version: 1\n"
	"project: shop\n"
	"limits: {hotspot_pct: 7.5, min_complete_pct: 80, max_overhead_pct: 30, score: 2.5}\n"
	"workloads:\n"
	"  parse:\n"
	"    command: [./bin/parse, data/in.json, \"\", 'a  b']\n"
	"    directory: sub\n"
	"    environment: {LC_ALL: C, THREADS: 4, EMPTY: }\n"
	"    stdin: data/input.txt\n"
	"    warmup: 0\n"
	"    runs: 10\n"
	"    timeout: 1500ms\n"
	"    prepare: rm -rf 'my out' \"a\\\"b\" c\\ d\n"
	"    operations: 1000\n"
	"    latencies: {file: out/latencies.txt, unit: ms}\n"
	"    golden:\n"
	"      stdout: float\n"
	"      stderr: set\n"
	"      exit: 3\n"
	"      files: [out/result.json, {path: log, mode: json}]\n"
	"      normalize: [{match: \"pid=([0-9]+)\", replace: 'pid=\\1'}]\n"
	"      tolerance: {absolute: 0, relative: 1e-9}\n"
	"      invariants: [[./check, out/result.json], ./check -q]\n"
	"  other: {command: \"true\", directory: /, stdin: /etc/hosts}\n"
	"beads:\n"
	"  - {id: shop.gate, kind: gate, needs: [shop.cpu], limits: {wall_p50_pct: 3, faults_pct: 0}}\n"
	"  - {id: shop.cpu, kind: cpu-flame, needs: [shop.oracle], top: 9, workloads: [parse]}\n"
	"  - {id: shop.oracle, kind: oracle, needs: [shop.baseline]}\n"
	"  - {id: shop.baseline, kind: baseline}\n";

static struct pb_plan *parse(const char *text)
{
	struct pb_plan *plan = NULL;
	char message[1024] = "";

	if (pb_plan_parse(&plan, "/p/beads.yaml", text, strlen(text), message, sizeof(message)))
		fail_msg("%s", message);
	return plan;
}

static void expect_words(char *const *words, const char *const *expected)
{
	uint32_t i;

	for (i = 0; expected[i]; i++) {
		assert_non_null(words[i]);
		assert_string_equal(words[i], expected[i]);
	}
	assert_null(words[i]);
}

static void every_key_of_a_workload_arrives(void **state)
{
	const char *const argv[] = {"./bin/parse", "data/in.json", "", "a  b", NULL};
	const char *const prepare[] = {"rm", "-rf", "my out", "a\"b", "c d", NULL};
	const char *const environment[] = {"LC_ALL=C", "THREADS=4", "EMPTY=", NULL};
	const char *const check[] = {"./check", "-q", NULL};
	struct pb_plan *plan = parse(whole);
	const struct pb_plan_workload *w = &plan->workloads[0];

	(void)state;
	assert_int_equal(plan->n_workloads, 2);
	assert_int_equal(pb_plan_workload(plan, "parse"), 0);
	assert_int_equal(pb_plan_workload(plan, "none"), UINT32_MAX);
	expect_words(w->argv, argv);
	expect_words(w->prepare, prepare);
	expect_words(w->environment, environment);
	assert_string_equal(w->directory, "/p/sub");
	assert_string_equal(w->stdin_path, "/p/sub/data/input.txt");
	assert_int_equal(w->warmup, 0);
	assert_int_equal(w->runs, 10);
	assert_int_equal(w->timeout_ns, 1500000000);
	assert_int_equal(w->operations, 1000);
	assert_string_equal(w->latencies.path, "out/latencies.txt");
	assert_int_equal(w->latencies.unit, PB_UNIT_MS);
	assert_int_equal(w->line, 5);
	assert_int_equal(w->golden.stdout_mode, PB_COMPARE_FLOAT);
	assert_int_equal(w->golden.stderr_mode, PB_COMPARE_SET);
	assert_int_equal(w->golden.exit_status, 3);
	assert_int_equal(w->golden.n_files, 2);
	assert_string_equal(w->golden.files[0].path, "out/result.json");
	assert_int_equal(w->golden.files[0].mode, PB_COMPARE_EXACT);
	assert_int_equal(w->golden.files[1].mode, PB_COMPARE_JSON);
	assert_int_equal(w->golden.n_rules, 1);
	assert_string_equal(w->golden.rules[0].replace, "pid=\\1");
	assert_true(w->golden.has_tolerance && w->golden.relative == 1e-9);
	assert_int_equal(w->golden.n_invariants, 2);
	expect_words(w->golden.invariants[1].argv, check);
	pb_plan_free(plan);
}

static void a_build_is_a_command_or_several(void **state)
{
	static const char rest[] =
		"workloads: {a: {command: [./a]}}\nbeads: [{id: p.b, kind: baseline}]\n";
	static const struct {
		const char *build;
		uint32_t n;
	} builds[] = {
		{"", 0},
		{"build: make -s all\n", 1},
		{"build: [make, -s, all]\n", 1},
		{"build: [[./configure], [make, -s, all]]\n", 2},
		{"build: [./configure --quiet, [make, -s, all]]\n", 2},
	};
	const char *const words[] = {"make", "-s", "all", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++) {
		char text[512];
		struct pb_plan *plan;

		snprintf(text, sizeof(text), "version: 1\nproject: p\n%s%s", builds[i].build, rest);
		plan = parse(text);
		assert_int_equal(plan->n_build, builds[i].n);
		if (plan->n_build)
			expect_words(plan->build[plan->n_build - 1].argv, words);
		pb_plan_free(plan);
	}
}

static void what_is_not_given_has_its_default(void **state)
{
	struct pb_plan *plan = parse("version: 1\nproject: p\nworkloads: {a: {command: [./a]}}\n"
				     "beads: [{id: p.b, kind: baseline}]\n");
	const struct pb_plan_workload *w = &plan->workloads[0];

	(void)state;
	assert_true(plan->hotspot_pct == 5 && plan->min_complete_pct == 90);
	assert_true(plan->max_overhead_pct == 20 && plan->score == 2);
	assert_string_equal(plan->directory, "/p");
	assert_string_equal(w->directory, "/p");
	assert_null(w->stdin_path);
	assert_null(w->prepare);
	assert_null(w->latencies.path);
	assert_non_null(w->environment);
	assert_null(w->environment[0]);
	assert_int_equal(w->warmup, PB_PLAN_WARMUP);
	assert_int_equal(w->runs, PB_PLAN_RUNS);
	assert_int_equal(w->timeout_ns, PB_PLAN_TIMEOUT_S * 1000000000ull);
	assert_int_equal(w->golden.stdout_mode, PB_COMPARE_EXACT);
	assert_int_equal(w->golden.stderr_mode, PB_COMPARE_IGNORE);
	assert_int_equal(w->golden.exit_status, 0);
	assert_int_equal(plan->beads[0].top, PB_PLAN_TOP);
	assert_int_equal(plan->beads[0].n_workloads, 1);
	assert_true(plan->beads[0].limits[PB_LIMIT_CPU] < 0);
	pb_plan_free(plan);
}

static void beads_come_behind_what_they_need(void **state)
{
	struct pb_plan *plan = parse(whole);

	(void)state;
	assert_int_equal(plan->n_beads, 4);
	for (uint32_t i = 0; i < plan->n_beads; i++) {
		for (uint32_t j = 0; j < plan->beads[i].n_needs; j++)
			assert_true(plan->beads[i].needs[j] < i);
	}
	assert_string_equal(plan->beads[0].id, "shop.baseline");
	assert_string_equal(plan->beads[3].id, "shop.gate");
	assert_int_equal(pb_plan_bead(plan, "shop.cpu"), 2);
	assert_int_equal(pb_plan_bead(plan, "shop"), UINT32_MAX);
	assert_int_equal(plan->beads[2].top, 9);
	assert_int_equal(plan->beads[2].n_workloads, 1);
	assert_int_equal(plan->beads[1].n_workloads, 2);
	assert_true(plan->beads[3].limits[PB_LIMIT_WALL_P50] == 3);
	assert_true(plan->beads[3].limits[PB_LIMIT_FAULTS] == 0);
	assert_true(plan->beads[3].limits[PB_LIMIT_CPU] < 0);
	pb_plan_free(plan);
}

static void the_digest_is_that_of_sha256sum(void **state)
{
	/* FIPS 180-2, appendix B: "abc", two blocks, and a million "a"; and the empty text. */
	static const struct {
		const char *text, *digest;
	} vectors[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char hex[PB_SHA256_HEX], *million = malloc(1000000);
	struct pb_plan *plan = parse(whole);

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(vectors); i++) {
		pb_sha256_hex(hex, vectors[i].text, strlen(vectors[i].text));
		assert_string_equal(hex, vectors[i].digest);
	}
	assert_non_null(million);
	memset(million, 'a', 1000000);
	pb_sha256_hex(hex, million, 1000000);
	assert_string_equal(hex,
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
	pb_sha256_hex(hex, whole, strlen(whole));
	assert_string_equal(plan->digest, hex);
	pb_plan_free(plan);
}

/* <09> into the byte. */
static size_t put_bytes(char *text)
{
	char *to = text;

	for (const char *p = text; *p; to++) {
		uint64_t high, low;
		const char *digits = "0123456789abcdef";

		if (p[0] == '<' && p[1] && p[2] && p[3] == '>' && strchr(digits, p[1]) &&
		    strchr(digits, p[2])) {
			high = (uint64_t)(strchr(digits, p[1]) - digits);
			low = (uint64_t)(strchr(digits, p[2]) - digits);
			*to = (char)(high << 4 | low);
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	if (!f)
		fail_msg("%s is not there; run in the root of the sources", path);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

/* One part of the golden file, "name\nplan\n=> message\n", as it should be. */
static void print_mistake(FILE *out, char *part)
{
	char *text = strchr(part, '\n') + 1, *end = strstr(text, "=> "), message[1024] = "";
	struct pb_plan *plan = NULL;
	int err;

	assert_non_null(end);
	fprintf(out, "=== %.*s", (int)(end - part), part);
	*end = '\0';
	err = pb_plan_parse(&plan, "/p/beads.yaml", text, put_bytes(text), message,
			    sizeof(message));
	if (!err)
		print_error("no mistake was found in: %s\n", text);
	assert_int_equal(err, -EINVAL);
	assert_null(plan);
	fprintf(out, "=> %s\n", message);
}

static void every_mistake_has_its_message(void **state)
{
	char *golden = read_file(MISTAKES), *copy = strdup(golden), *part, *next, *said = NULL;
	const char *update = getenv("UPDATE");
	size_t size;
	FILE *out = open_memstream(&said, &size);

	(void)state;
	part = strstr(copy, "=== ");
	assert_non_null(part);
	fprintf(out, "%.*s", (int)(part - copy), copy);
	for (; part; part = next) {
		next = strstr(part + 4, "\n=== ");
		if (next)
			*next++ = '\0';
		print_mistake(out, part + 4);
	}
	fclose(out);
	if (update && !strcmp(update, "1")) {
		out = fopen(MISTAKES, "we");
		assert_non_null(out);
		fputs(said, out);
		fclose(out);
	} else {
		assert_string_equal(said, golden);
	}
	free(said);
	free(copy);
	free(golden);
}

static void expect_message(const char *text, size_t size, const char *expected)
{
	struct pb_plan *plan = NULL;
	char message[1024] = "";

	assert_int_equal(
		pb_plan_parse(&plan, "/p/beads.yaml", text, size, message, sizeof(message)),
		-EINVAL);
	assert_null(plan);
	assert_string_equal(message, expected);
}

static void a_plan_is_bounded(void **state)
{
	static char text[PB_PLAN_BYTES_MAX + 2];
	size_t len;

	(void)state;
	memset(text, '#', sizeof(text) - 1);
	expect_message(text, PB_PLAN_BYTES_MAX + 1,
		       "beads.yaml:1:1: a plan has at most 1048576 bytes");
	len = (size_t)snprintf(text, sizeof(text), "version: 1\nproject: p\nbeads: [");
	for (int i = 0; i < PB_PLAN_ITEMS_MAX + 1; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "a, ");
	len += (size_t)snprintf(text + len, sizeof(text) - len, "]\n");
	expect_message(text, len, "beads.yaml:3:8: there are more than 256 items in one list");
	memset(text, '[', PB_PLAN_BYTES_MAX);
	expect_message(text, PB_PLAN_BYTES_MAX,
		       "beads.yaml:1:13: this is nested more than 12 deep");
}

/* The largest graph that fits: every bead needs all before it. */
static void a_large_plan_is_read_at_once(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct pb_plan *plan;

	(void)state;
	fprintf(out, "version: 1\nproject: p\nworkloads:\n");
	for (int i = 0; i < PB_PLAN_ITEMS_MAX; i++)
		fprintf(out, "  w%d: {command: [./a]}\n", i);
	fprintf(out, "beads:\n");
	for (int i = PB_PLAN_ITEMS_MAX - 1; i >= 0; i--) {
		fprintf(out, "  - {id: b%d, kind: %s, needs: [", i,
			i > 1   ? "cpu-flame"
			: i > 0 ? "oracle"
				: "baseline");
		for (int j = 0; j < i; j++)
			fprintf(out, "b%d,", j);
		fprintf(out, "]}\n");
	}
	fclose(out);
	plan = parse(text);
	assert_int_equal(plan->n_beads, PB_PLAN_ITEMS_MAX);
	assert_string_equal(plan->beads[255].id, "b255");
	pb_plan_free(plan);
	free(text);
}

static void the_template_is_read_back(void **state)
{
	const char *const names[] = {"first", "second"};
	char *const first[] = {
		(char *)"./bin/tool", (char *)"--json", (char *)"a \"b\" \\c: {}",
		(char *)"",           (char *)"null",   (char *)"\xc3\xa9\xe2\x82\xac",
		(char *)"#x",         (char *)"a, b]",  NULL};
	char *const second[] = {(char *)"yes", NULL};
	char *const *const commands[] = {first, second};
	char *text = pb_plan_template("shop", names, commands, 2);
	struct pb_plan *plan;

	(void)state;
	assert_non_null(text);
	plan = parse(text);
	assert_string_equal(plan->project, "shop");
	assert_int_equal(plan->n_workloads, 2);
	expect_words(plan->workloads[0].argv, (const char *const *)first);
	expect_words(plan->workloads[1].argv, (const char *const *)second);
	assert_int_equal(plan->n_beads, 6);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(plan->beads[i].kind, i);
	assert_true(plan->beads[5].limits[PB_LIMIT_WALL_P50] == 3);
	pb_plan_free(plan);
	free(text);
}

/* Its comments show the other keys: they have to be ones that exist. */
static void the_comments_of_the_template_are_a_plan(void **state)
{
	const char *const names[] = {"first"};
	char *const first[] = {(char *)"./a", NULL};
	char *const *const commands[] = {first};
	char *text = pb_plan_template("shop", names, commands, 1), *to, *p;
	struct pb_plan *plan;

	(void)state;
	assert_non_null(text);
	/* "    # key: value" becomes "    key: value". */
	for (p = to = text; *p;) {
		if (!strncmp(p, "\n    # ", 7)) {
			memmove(to, "\n    ", 5);
			to += 5;
			p += 7;
		} else if (!strncmp(p, "\n# build", 8)) {
			*to++ = '\n';
			p += 3;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	plan = parse(text);
	assert_int_equal(plan->n_build, 1);
	assert_int_equal(plan->workloads[0].operations, 1000);
	assert_int_equal(plan->workloads[0].runs, PB_PLAN_RUNS);
	assert_int_equal(plan->workloads[0].warmup, PB_PLAN_WARMUP);
	assert_int_equal(plan->workloads[0].golden.n_invariants, 1);
	pb_plan_free(plan);
	free(text);
}

static void what_no_plan_can_say_makes_no_template(void **state)
{
	const char *const names[] = {"a", "a"}, *const bad[] = {"A B"};
	char *const good[] = {(char *)"./a", NULL}, *const none[] = {NULL};
	char *const latin[] = {(char *)"./caf\xe9", NULL}, *const line[] = {(char *)"a\nb", NULL};
	char *const *const commands[] = {good, good, none, latin, line};

	(void)state;
	assert_null(pb_plan_template("shop", names, commands, 2));
	assert_null(pb_plan_template("shop", bad, commands, 1));
	assert_null(pb_plan_template("../x", names, commands, 1));
	assert_null(pb_plan_template("shop", names, commands + 2, 1));
	assert_null(pb_plan_template("shop", names, commands + 3, 1));
	assert_int_equal(errno, EILSEQ);
	assert_null(pb_plan_template("shop", names, commands + 4, 1));
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_plan_is_where_its_link_stands(void **state)
{
	char dir[] = "/tmp/pb-test-plan-XXXXXX", path[128], expected[128];
	struct pb_plan *plan = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/real", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/real/plan.yaml", dir);
	write_file(path, whole);
	snprintf(path, sizeof(path), "%s/beads.yaml", dir);
	assert_int_equal(symlink("real/plan.yaml", path), 0);
	assert_int_equal(pb_plan_read(&plan, path), 0);
	assert_string_equal(plan->path, path);
	assert_string_equal(plan->directory, dir);
	snprintf(expected, sizeof(expected), "%s/sub", dir);
	assert_string_equal(plan->workloads[0].directory, expected);
	pb_plan_free(plan);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/real/plan.yaml", dir);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/real", dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void what_is_no_file_is_no_plan(void **state)
{
	struct pb_plan *plan = NULL;
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	int fd = memfd_create("stderr", MFD_CLOEXEC), missing, directory, device;
	char said[2048] = "";

	(void)state;
	dup2(fd, STDERR_FILENO);
	missing = pb_plan_read(&plan, "/nowhere/beads.yaml");
	directory = pb_plan_read(&plan, "/tmp");
	device = pb_plan_read(&plan, "/dev/zero");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(missing, -ENOENT);
	assert_int_equal(directory, -EINVAL);
	assert_int_equal(device, -EINVAL);
	assert_null(plan);
	assert_true(pread(fd, said, sizeof(said) - 1, 0) > 0);
	assert_non_null(strstr(said, "open the plan /nowhere/beads.yaml: No such file"));
	assert_non_null(strstr(said, "the plan /dev/zero is no regular file"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_a_workload_arrives),
		cmocka_unit_test(a_build_is_a_command_or_several),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(beads_come_behind_what_they_need),
		cmocka_unit_test(the_digest_is_that_of_sha256sum),
		cmocka_unit_test(every_mistake_has_its_message),
		cmocka_unit_test(a_plan_is_bounded),
		cmocka_unit_test(a_large_plan_is_read_at_once),
		cmocka_unit_test(the_template_is_read_back),
		cmocka_unit_test(the_comments_of_the_template_are_a_plan),
		cmocka_unit_test(what_no_plan_can_say_makes_no_template),
		cmocka_unit_test(a_plan_is_where_its_link_stands),
		cmocka_unit_test(what_is_no_file_is_no_plan),
	};

	pb_log_init("test", PB_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
