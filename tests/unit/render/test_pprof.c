/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/gunzip.h"
#include "user/render/pprof_fields.h"
#include "user/render/proto.h"

static const struct pb_render_opts opts = {.top = 20};

/* The sample as pprof, to be freed. */
static char *sample(size_t *len)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();

	return pb_sample_render(pb_render_pprof, p, r, &opts, len);
}

/* A decoder of its own, so that the golden file is text, and zlib's version does not matter. */

struct strings {
	struct pb_proto_span rows[256];
	uint64_t n;
};

static void print_string(FILE *out, const struct strings *s, uint64_t index)
{
	assert_true(index < s->n);
	fprintf(out, "\"%.*s\"", (int)(s->rows[index].end - s->rows[index].at),
		(const char *)s->rows[index].at);
}

/* What the fields of a message are: 's' string, 'x' address, 'd' number, '[' packed, '{' nested. */
struct message {
	const char *kinds; /* by field number */
	const struct message *nested;
};

static const struct message label = {"-ssds", NULL};
static const struct message line = {"-dd", NULL};
static const struct message value_type = {"-ss", NULL};
static const struct message messages[] = {
	[PPROF_SAMPLE_TYPE] = {"-ss", NULL},     [PPROF_SAMPLE] = {"-[[{", &label},
	[PPROF_MAPPING] = {"-dxxxssdddd", NULL}, [PPROF_LOCATION] = {"-ddx{", &line},
	[PPROF_FUNCTION] = {"-dsssd", NULL},     [PPROF_STRING_TABLE] = {"", NULL},
};

static void put_message(FILE *out, const struct strings *s, const struct message *m,
			struct pb_proto_span bytes)
{
	struct pb_proto_field f;
	uint64_t n;
	int got;

	while ((got = pb_proto_next(&bytes, &f)) == 1) {
		assert_true(f.number < strlen(m->kinds));
		fprintf(out, " %u:", f.number);
		switch (m->kinds[f.number]) {
		case 's':
			print_string(out, s, f.value);
			break;
		case 'x':
			fprintf(out, "0x%" PRIx64, f.value);
			break;
		case 'd':
			fprintf(out, "%" PRIu64, f.value);
			break;
		case '[':
			while (pb_proto_varint(&f.bytes, &n) == 1)
				fprintf(out, "%" PRIu64 "%s", n,
					f.bytes.at < f.bytes.end ? "," : "");
			break;
		case '{':
			fputs("{", out);
			put_message(out, s, m->nested, f.bytes);
			fputs(" }", out);
			break;
		default:
			fail_msg("field %u is unknown", f.number);
		}
	}
	assert_int_equal(got, 0);
}

static void collect_strings(struct strings *s, struct pb_proto_span file)
{
	struct pb_proto_field f;

	while (pb_proto_next(&file, &f) == 1) {
		if (f.number != PPROF_STRING_TABLE)
			continue;
		assert_true(s->n < PB_ARRAY_SIZE(s->rows));
		s->rows[s->n++] = f.bytes;
	}
}

static char *decode(struct pb_proto_span file)
{
	struct strings s = {0};
	struct pb_proto_field f;
	char *text = NULL;
	size_t size;
	uint64_t n;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	collect_strings(&s, file);
	while (pb_proto_next(&file, &f) == 1) {
		if (f.number == PPROF_STRING_TABLE)
			continue;
		fprintf(out, "%u", f.number);
		if (f.number == PPROF_COMMENT) {
			while (pb_proto_varint(&f.bytes, &n) == 1) {
				fputs("\n  ", out);
				print_string(out, &s, n);
			}
		} else if (f.number == PPROF_DEFAULT_SAMPLE_TYPE) {
			fputc(' ', out);
			print_string(out, &s, f.value);
		} else if (f.number == PPROF_PERIOD_TYPE) {
			put_message(out, &s, &value_type, f.bytes);
		} else if (f.number < PB_ARRAY_SIZE(messages)) {
			put_message(out, &s, &messages[f.number], f.bytes);
		} else {
			fprintf(out, " %" PRIu64, f.value);
		}
		fputc('\n', out);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *decode_gzip(const char *bytes, size_t len)
{
	pb_autofree unsigned char *plain = NULL;
	size_t plain_len;

	assert_int_equal(pb_gunzip(&plain, &plain_len, bytes, len, 1 << 20), 0);
	return decode((struct pb_proto_span){plain, plain + plain_len});
}

static char *decoded_sample(void)
{
	size_t len;
	pb_autofree char *bytes = sample(&len);

	return decode_gzip(bytes, len);
}

static void the_sample_is_as_expected(void **state)
{
	pb_autofree char *text = decoded_sample();

	(void)state;
	pb_sample_golden("sample.pprof.txt", text);
}

static void sources_are_as_expected(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *bytes = NULL, *text = NULL;
	size_t len;

	(void)state;
	bytes = pb_sample_render(pb_render_pprof, p, r, &opts, &len);
	text = decode_gzip(bytes, len);
	pb_sample_golden("source.pprof.txt", text);
}

static void mapping_says_what_its_module_knows(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();

	(void)state;
	for (uint32_t set = 0; set < 8; set++) {
		pb_autofree char *bytes = NULL, *text = NULL, *want = NULL;
		size_t len;

		for (uint32_t i = 0; i < p->n_modules; i++) {
			p->modules[i].has_filenames = set & 1;
			p->modules[i].has_lines = set & 2;
			p->modules[i].has_inlines = set & 4;
		}
		bytes = pb_sample_render(pb_render_pprof, p, r, &opts, &len);
		text = decode_gzip(bytes, len);
		assert_true(asprintf(&want, "6:\"cafe\" 7:1%s%s%s\n", set & 1 ? " 8:1" : "",
				     set & 2 ? " 9:1" : "", set & 4 ? " 10:1" : "") > 0);
		assert_non_null(strstr(text, want));
	}
}

static void equal_input_gives_equal_bytes(void **state)
{
	size_t len, len2;
	pb_autofree char *one = sample(&len);
	pb_autofree char *two = sample(&len2);

	(void)state;
	assert_int_equal(len, len2);
	assert_memory_equal(one, two, len);
	assert_memory_equal(one + 4, "\0\0\0\0", 4); /* no time in the gzip header */
}

static void the_first_mapping_is_the_main_program(void **state)
{
	pb_autofree char *text = decoded_sample();
	const char *first = strstr(text, "\n3 ");

	(void)state;
	assert_non_null(first);
	assert_non_null(strstr(first, "5:\"/opt/app/bin/app\" 6:\"cafe\""));
	assert_true(strstr(first, "/opt/app/bin/app") < strstr(first, "libc.so.6"));
}

/* Without the name of the process, main() tells; without both, where the time went. */
static void the_main_program_is_found_without_its_name(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *bytes = NULL, *text = NULL;
	size_t len;

	(void)state;
	assert_int_equal(pb_report_set(&r->comm, ""), 0);
	bytes = pb_sample_render(pb_render_pprof, p, r, &opts, &len);
	text = decode_gzip(bytes, len);
	assert_non_null(strstr(strstr(text, "\n3 "), " 1:1 2:0x401000"));
}

static void process_0_keeps_its_label(void **state)
{
	pb_autofree char *text = decoded_sample();

	(void)state;
	/* no number, which is 0, but a unit, or readers would drop it */
	assert_non_null(strstr(text, "{ 1:\"pid\" 4:\"pid\" } 3:{ 1:\"thread\" 2:\"swapper/0\" }"));
}

static void values_beyond_63_bits_are_cut_there(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *bytes = NULL, *text = NULL;
	size_t len;

	(void)state;
	p->values[0] = UINT64_MAX;
	bytes = pb_sample_render(pb_render_pprof, p, r, &opts, &len);
	text = decode_gzip(bytes, len);
	assert_non_null(strstr(text, " 2:9223372036854775807,"));
}

static void a_full_disk_is_reported(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	FILE *out = fopen("/dev/full", "we");

	(void)state;
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(pb_render_pprof(out, p, r, &opts), -EIO);
	fclose(out);
}

/* Other programs' readers */

static void need(const char *program, const char *package)
{
	pb_autofree char *command = NULL;

	assert_true(asprintf(&command, "command -v %s >/dev/null", program) > 0);
	if (system(command) == 0)
		return;
	print_message("# %s is not installed (package %s)\n", program, package);
	skip();
}

/* Bytes in a temporary file, whose name goes to @path. */
static void save(char *path, size_t size, const char *bytes, size_t len)
{
	const char *dir = getenv("TMPDIR");
	FILE *out;
	int fd;

	snprintf(path, size, "%s/pb-pprof-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void save_sample(char *path, size_t size)
{
	size_t len;
	pb_autofree char *bytes = sample(&len);

	save(path, size, bytes, len);
}

/* What @command, a format with one %s for the file, says about the sample. */
static char *ask(const char *format, const char *path)
{
	pb_autofree char *command = NULL;
	char *text = NULL;
	size_t size;
	FILE *in, *out = open_memstream(&text, &size);
	int c, status;

	assert_non_null(out);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	assert_true(asprintf(&command, format, path) > 0);
#pragma GCC diagnostic pop
	in = popen(command, "re");
	assert_non_null(in);
	while ((c = fgetc(in)) != EOF)
		fputc(c, out);
	status = pclose(in);
	assert_int_equal(fclose(out), 0);
	unlink(path);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("%s: status %d: %s", command, status, text);
	return text;
}

static void protoc_knows_every_field(void **state)
{
	pb_autofree char *text = NULL;
	char path[256], *save = NULL;

	(void)state;
	need("protoc", "protobuf-compiler");
	save_sample(path, sizeof(path));
	text = ask("gzip -dc %s | protoc --decode=perftools.profiles.Profile "
		   "tests/unit/render/profile.proto 2>&1",
		   path);
	assert_non_null(strstr(text, "string_table: \"perfbeads-report: {"));
	/* a field that is not in the .proto, or of another wire type, has a number for a name */
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		l += strspn(l, " ");
		assert_true((*l >= 'a' && *l <= 'z') || *l == '}');
	}
}

static void go_tool_pprof_shows_the_table(void **state)
{
	pb_autofree char *text = NULL;
	char path[256];

	(void)state;
	need("go", "golang-go");
	save_sample(path, sizeof(path));
	text = ask(
		"PPROF_TMPDIR=/tmp HOME=/tmp go tool pprof -symbolize=none -sample_index=samples "
		"-top %s 2>&1",
		path);
	assert_non_null(strstr(text, "File: app"));
	assert_non_null(strstr(text, "Build ID: cafe"));
	assert_non_null(strstr(text, "Showing nodes accounting for 93, 100% of 93 total"));
	assert_non_null(strstr(text, "square (inline)"));
	assert_null(strchr(text, '\033'));
}

static void go_tool_pprof_shows_lines_and_inlined_functions(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *bytes = NULL, *text = NULL;
	char path[256];
	size_t len;

	(void)state;
	need("go", "golang-go");
	bytes = pb_sample_render(pb_render_pprof, p, r, &opts, &len);
	save(path, sizeof(path), bytes, len);
	text = ask(
		"PPROF_TMPDIR=/tmp HOME=/tmp go tool pprof -symbolize=none -sample_index=samples "
		"-lines -top %s 2>&1",
		path);
	assert_non_null(strstr(text, "app::Server::handle /src/server/server.cc:105\n"));
	assert_non_null(strstr(text, "stl_map.h:1220 (inline)\n"));
	assert_non_null(strstr(text, "stl_tree.h:1957 (inline)\n"));
}

static void go_tool_pprof_shows_cpu_time_first(void **state)
{
	pb_autofree char *text = NULL;
	char path[256];

	(void)state;
	need("go", "golang-go");
	save_sample(path, sizeof(path));
	text = ask("PPROF_TMPDIR=/tmp HOME=/tmp go tool pprof -symbolize=none -top %s 2>&1", path);
	assert_non_null(strstr(text, "Type: cpu"));
	assert_non_null(strstr(text, " 420ms "));
}

static void go_tool_pprof_finds_all_processes(void **state)
{
	pb_autofree char *text = NULL;
	char path[256];

	(void)state;
	need("go", "golang-go");
	save_sample(path, sizeof(path));
	text = ask(
		"PPROF_TMPDIR=/tmp HOME=/tmp go tool pprof -symbolize=none -sample_index=samples "
		"-tags %s 2>&1",
		path);
	assert_non_null(strstr(text, "worker"));
	assert_non_null(strstr(text, "swapper/0"));
	assert_non_null(strstr(text, "1234"));
	assert_non_null(strstr(text, "5678"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_as_expected),
		cmocka_unit_test(sources_are_as_expected),
		cmocka_unit_test(mapping_says_what_its_module_knows),
		cmocka_unit_test(equal_input_gives_equal_bytes),
		cmocka_unit_test(the_first_mapping_is_the_main_program),
		cmocka_unit_test(the_main_program_is_found_without_its_name),
		cmocka_unit_test(process_0_keeps_its_label),
		cmocka_unit_test(values_beyond_63_bits_are_cut_there),
		cmocka_unit_test(a_full_disk_is_reported),
		cmocka_unit_test(protoc_knows_every_field),
		cmocka_unit_test(go_tool_pprof_shows_the_table),
		cmocka_unit_test(go_tool_pprof_shows_lines_and_inlined_functions),
		cmocka_unit_test(go_tool_pprof_shows_cpu_time_first),
		cmocka_unit_test(go_tool_pprof_finds_all_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
