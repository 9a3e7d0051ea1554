/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The profile as gzip of perftools.profiles.Profile, for pprof and its relatives, and for --from.
 *
 * Messages are encoded one by one and go straight into the compressor; the string table comes last,
 * which the format allows. Ids are 1..N in table order. Addresses of callers are those of the call,
 * not of the return, as the format wants them. What other programs stumble over, and is kept to:
 * mapping 1 is the main program; a mapping says it has functions only where each was looked up; a
 * numeric label has a unit, or a 0 would vanish; every location has a name.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "user/core/json.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/pprof_fields.h"
#include "user/render/proto.h"
#include "user/render/render.h"
#include "user/render/subject.h"
#include "user/render/tree.h"

#define GZIP_WINDOW (15 + 16) /* the largest window, in a gzip wrapper without a time */
#define LEVEL       6
#define COMM_MAX    15 /* bytes of a thread's name that the kernel keeps */

struct writer {
	FILE *out;
	const struct pb_profile *p;
	const struct pb_report *r;
	int err; /* sticky: 0, -ENOMEM, -EIO */

	z_stream z;
	unsigned char packed[64 * 1024];

	struct pb_proto_buf strings; /* string_table fields, complete */
	uint64_t n_strings;
	uint64_t *string_at; /* by the profile's string id; 0: not in the table yet */
	uint32_t string_capacity;

	uint64_t *module_id; /* by module; 0: not written */
	struct pb_proto_buf head, msg, part, line;
};

static void writer_drop(struct writer *w)
{
	deflateEnd(&w->z);
	pb_proto_drop(&w->strings);
	pb_proto_drop(&w->head);
	pb_proto_drop(&w->msg);
	pb_proto_drop(&w->part);
	pb_proto_drop(&w->line);
	free(w->string_at);
	free(w->module_id);
	free(w);
}

/* The stream */

static void deflate_bytes(struct writer *w, const unsigned char *bytes, size_t len, int flush)
{
	int state = Z_OK;

	while (!w->err && (len || flush == Z_FINISH)) {
		uInt chunk = len > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)len;
		int how = chunk < len ? Z_NO_FLUSH : flush;

		w->z.next_in = (unsigned char *)bytes;
		w->z.avail_in = chunk;
		do {
			size_t n;

			w->z.next_out = w->packed;
			w->z.avail_out = sizeof(w->packed);
			state = deflate(&w->z, how);
			n = sizeof(w->packed) - w->z.avail_out;
			if (fwrite(w->packed, 1, n, w->out) != n)
				w->err = -EIO;
		} while (!w->err && !w->z.avail_out);
		bytes += chunk;
		len -= chunk;
		if (state == Z_STREAM_END)
			break;
	}
}

/* One field of the Profile, whose content is in @content. */
static void emit(struct writer *w, uint32_t number, const struct pb_proto_buf *content)
{
	pb_proto_clear(&w->head);
	pb_proto_put_varint(&w->head, (uint64_t)number << 3 | PB_PROTO_BYTES);
	pb_proto_put_varint(&w->head, content->len);
	if (w->head.failed || content->failed)
		w->err = -ENOMEM;
	deflate_bytes(w, w->head.bytes, w->head.len, Z_NO_FLUSH);
	deflate_bytes(w, content->bytes, content->len, Z_NO_FLUSH);
}

/* Strings */

static uint64_t add_string(struct writer *w, const char *text)
{
	pb_proto_put_bytes(&w->strings, PPROF_STRING_TABLE, text, strlen(text));
	return w->n_strings++;
}

/* The index of one of the profile's strings, entered at its first use. */
static uint64_t string(struct writer *w, uint32_t id)
{
	if (!id)
		return 0;
	if (id >= w->string_capacity) {
		uint32_t capacity = id < UINT32_MAX / 2 ? 2 * id + 64 : UINT32_MAX;
		uint64_t *bigger = reallocarray(w->string_at, capacity, sizeof(*bigger));

		if (!bigger) {
			w->err = -ENOMEM;
			return 0;
		}
		memset(bigger + w->string_capacity, 0,
		       (capacity - w->string_capacity) * sizeof(*bigger));
		w->string_at = bigger;
		w->string_capacity = capacity;
	}
	if (!w->string_at[id])
		w->string_at[id] = add_string(w, pb_profile_text(w->p, id));
	return w->string_at[id];
}

/* The main program, which readers take to be the first mapping */

static bool has_main(const struct pb_profile *p, const struct pb_location *l)
{
	for (uint32_t i = 0; i < l->n_lines; i++) {
		const struct pb_function *f = &p->functions[p->lines[l->first_line + i].function];
		const char *name = pb_profile_text(p, f->system_name ? f->system_name : f->name);

		if (!strcmp(name, "main"))
			return true;
	}
	return false;
}

/*
 * What speaks for a module: bearing the name of the first process counts most, then holding main(),
 * then the values of the stacks that end in it.
 */
struct candidate {
	bool used; /* it holds a location at all */
	bool named, main;
	uint64_t self;
};

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (a->named != b->named)
		return a->named;
	if (a->main != b->main)
		return a->main;
	return a->self > b->self;
}

/* @rows: by module, all zero before */
static void judge_modules(const struct pb_profile *p, const struct pb_report *r,
			  struct candidate *rows)
{
	for (uint32_t i = 0; i < p->n_modules; i++) {
		const char *base = pb_module_base(pb_profile_text(p, p->modules[i].path));

		rows[i].named = *r->comm && !strncmp(base, r->comm, COMM_MAX);
	}
	for (uint32_t i = 0; i < p->n_locations; i++) {
		uint32_t module = p->locations[i].module;

		if (module == PB_NONE)
			continue;
		rows[module].used = true;
		rows[module].main = rows[module].main || has_main(p, &p->locations[i]);
	}
	for (uint32_t i = 0; i < p->n_samples; i++) {
		uint32_t location = p->nodes[p->samples[i].node].location;
		uint32_t module = location == PB_NONE ? PB_NONE : p->locations[location].module;
		uint64_t value = p->values[(size_t)i * p->n_values + p->default_value];

		if (module != PB_NONE &&
		    __builtin_add_overflow(rows[module].self, value, &rows[module].self))
			rows[module].self = UINT64_MAX;
	}
}

/* The file that is most likely the main program; PB_NONE where no file was seen. */
static uint32_t main_module(const struct pb_profile *p, const struct candidate *rows)
{
	uint32_t best = PB_NONE;

	for (uint32_t i = 0; i < p->n_modules; i++) {
		if (!rows[i].used || p->modules[i].kind != PB_MODULE_FILE || !p->modules[i].path)
			continue;
		if (best == PB_NONE || is_better(&rows[i], &rows[best]))
			best = i;
	}
	return best;
}

/* Messages */

static void put_value_type(struct writer *w, uint32_t number, const struct pb_value_type *t)
{
	uint64_t type = *t->type ? add_string(w, t->type) : 0;
	uint64_t unit = *t->unit ? add_string(w, t->unit) : 0;

	pb_proto_clear(&w->msg);
	pb_proto_put_uint(&w->msg, VALUE_TYPE_TYPE, type);
	pb_proto_put_uint(&w->msg, VALUE_TYPE_UNIT, unit);
	emit(w, number, &w->msg);
}

static uint64_t clamp(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : value; /* the format's numbers are signed */
}

struct label_keys {
	uint64_t pid, thread;
};

static void put_labels(struct writer *w, const struct pb_process *process,
		       const struct label_keys *keys)
{
	pb_proto_clear(&w->part);
	pb_proto_put_uint(&w->part, LABEL_KEY, keys->pid);
	pb_proto_put_uint(&w->part, LABEL_NUM, process->tgid);
	pb_proto_put_uint(&w->part, LABEL_NUM_UNIT, keys->pid);
	pb_proto_put_part(&w->msg, SAMPLE_LABEL, &w->part);
	if (!process->comm)
		return;
	pb_proto_clear(&w->part);
	pb_proto_put_uint(&w->part, LABEL_KEY, keys->thread);
	pb_proto_put_uint(&w->part, LABEL_STR, string(w, process->comm));
	pb_proto_put_part(&w->msg, SAMPLE_LABEL, &w->part);
}

static void put_samples(struct writer *w)
{
	const struct pb_profile *p = w->p;
	const struct label_keys keys = {add_string(w, PPROF_LABEL_PID),
					add_string(w, PPROF_LABEL_THREAD)};

	for (uint32_t i = 0; i < p->n_samples && !w->err; i++) {
		const struct pb_sample *s = &p->samples[i];

		pb_proto_clear(&w->msg);
		pb_proto_clear(&w->part);
		for (uint32_t n = s->node; n; n = p->nodes[n].parent)
			pb_proto_put_varint(&w->part, (uint64_t)p->nodes[n].location + 1);
		if (w->part.len)
			pb_proto_put_part(&w->msg, SAMPLE_LOCATION_ID, &w->part);
		pb_proto_clear(&w->part);
		for (uint32_t v = 0; v < p->n_values; v++)
			pb_proto_put_varint(&w->part,
					    clamp(p->values[(size_t)i * p->n_values + v]));
		pb_proto_put_part(&w->msg, SAMPLE_VALUE, &w->part);
		if (s->process != PB_NONE)
			put_labels(w, &p->processes[s->process], &keys);
		emit(w, PPROF_SAMPLE, &w->msg);
	}
}

static uint64_t build_id_string(struct writer *w, const struct pb_module *m)
{
	char hex[2 * PB_BUILD_ID_MAX + 1] = "";

	for (uint32_t i = 0; i < m->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->build_id[i]);
	return *hex ? add_string(w, hex) : 0;
}

static void put_mapping(struct writer *w, uint32_t module, uint64_t id)
{
	const struct pb_module *m = &w->p->modules[module];

	w->module_id[module] = id;
	pb_proto_clear(&w->msg);
	pb_proto_put_uint(&w->msg, MAPPING_ID, id);
	pb_proto_put_uint(&w->msg, MAPPING_MEMORY_START, m->start);
	pb_proto_put_uint(&w->msg, MAPPING_MEMORY_LIMIT, m->limit);
	pb_proto_put_uint(&w->msg, MAPPING_FILE_OFFSET, m->file_off);
	pb_proto_put_uint(&w->msg, MAPPING_FILENAME, string(w, m->path));
	pb_proto_put_uint(&w->msg, MAPPING_BUILD_ID, build_id_string(w, m));
	pb_proto_put_uint(&w->msg, MAPPING_HAS_FUNCTIONS, m->has_functions);
	pb_proto_put_uint(&w->msg, MAPPING_HAS_FILENAMES, m->has_filenames);
	pb_proto_put_uint(&w->msg, MAPPING_HAS_LINE_NUMBERS, m->has_lines);
	pb_proto_put_uint(&w->msg, MAPPING_HAS_INLINE_FRAMES, m->has_inlines);
	emit(w, PPROF_MAPPING, &w->msg);
}

/* Those that hold a location; a module without a path is what the reader made for no mapping. */
static void put_mappings(struct writer *w)
{
	const struct pb_profile *p = w->p;
	pb_autofree struct candidate *rows = calloc((size_t)p->n_modules + 1, sizeof(*rows));
	uint32_t first;
	uint64_t id = 1;

	if (!rows) {
		w->err = -ENOMEM;
		return;
	}
	judge_modules(p, w->r, rows);
	first = main_module(p, rows);
	if (first != PB_NONE)
		put_mapping(w, first, id++);
	for (uint32_t i = 0; i < p->n_modules; i++) {
		if (rows[i].used && i != first && p->modules[i].path)
			put_mapping(w, i, id++);
	}
}

static void put_line(struct writer *w, uint64_t function_id, uint32_t line)
{
	pb_proto_clear(&w->line);
	pb_proto_put_uint(&w->line, LINE_FUNCTION_ID, function_id);
	pb_proto_put_uint(&w->line, LINE_LINE, line);
	pb_proto_put_part(&w->msg, LOCATION_LINE, &w->line);
}

static void put_locations(struct writer *w)
{
	const struct pb_profile *p = w->p;
	/* those that nobody named get functions of their own, behind the profile's */
	uint64_t made = p->n_functions;

	for (uint32_t i = 0; i < p->n_locations && !w->err; i++) {
		const struct pb_location *l = &p->locations[i];

		pb_proto_clear(&w->msg);
		pb_proto_put_uint(&w->msg, LOCATION_ID, (uint64_t)i + 1);
		if (l->module != PB_NONE)
			pb_proto_put_uint(&w->msg, LOCATION_MAPPING_ID, w->module_id[l->module]);
		pb_proto_put_uint(&w->msg, LOCATION_ADDRESS, l->addr - l->is_return);
		for (uint32_t k = 0; k < l->n_lines; k++) {
			const struct pb_line *line = &p->lines[l->first_line + k];

			put_line(w, (uint64_t)line->function + 1, line->line);
		}
		if (!l->n_lines)
			put_line(w, ++made, 0);
		emit(w, PPROF_LOCATION, &w->msg);
	}
}

static void put_function(struct writer *w, uint64_t id, uint64_t name, const struct pb_function *f)
{
	pb_proto_clear(&w->msg);
	pb_proto_put_uint(&w->msg, FUNCTION_ID, id);
	pb_proto_put_uint(&w->msg, FUNCTION_NAME, name);
	pb_proto_put_uint(&w->msg, FUNCTION_SYSTEM_NAME, string(w, f->system_name));
	pb_proto_put_uint(&w->msg, FUNCTION_FILENAME, string(w, f->file));
	pb_proto_put_uint(&w->msg, FUNCTION_START_LINE, f->start_line);
	emit(w, PPROF_FUNCTION, &w->msg);
}

static void put_functions(struct writer *w)
{
	static const struct pb_function none = {0};
	const struct pb_profile *p = w->p;
	uint64_t id = 1;

	for (uint32_t i = 0; i < p->n_functions && !w->err; i++)
		put_function(w, id++, string(w, p->functions[i].name), &p->functions[i]);
	for (uint32_t i = 0; i < p->n_locations && !w->err; i++) {
		pb_autofree char *name = NULL;

		if (p->locations[i].n_lines)
			continue;
		name = pb_location_name(p, i);
		if (!name)
			w->err = -ENOMEM;
		else
			put_function(w, id++, add_string(w, name), &none);
	}
}

/* Comments */

/* For people: who measured what, where, and what was missed. */
static char *header_comment(const struct pb_report *r)
{
	pb_autofree char *subject = pb_report_subject(r);
	pb_autofree char *ledger = pb_report_ledger(r);
	char *text = NULL;
	int len;

	if (!subject || !ledger)
		return NULL;
	len = asprintf(&text, "%s %s: %s%s%s%s%s; %s", *r->tool ? r->tool : "perfbeads", PB_VERSION,
		       subject, *r->host ? ", host " : "", r->host, *r->kernel ? ", kernel " : "",
		       r->kernel, ledger);
	return len < 0 ? NULL : text;
}

/* For --from: the report itself. */
static char *report_comment(const struct pb_report *r)
{
	pb_autofree char *text = NULL;
	struct pb_json json;
	size_t size;
	bool bad;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(PPROF_REPORT_PREFIX, out);
	pb_json_init(&json, out, true);
	pb_json_object(&json, NULL);
	pb_json_string(&json, "schema", r->schema);
	pb_report_write(r, &json);
	pb_json_end(&json, '}');
	bad = ferror(out);
	if (fclose(out) || bad)
		return NULL;
	return pb_take(text);
}

/* Comments, and the numbers about the whole. */
static void put_rest(struct writer *w)
{
	const struct pb_profile *p = w->p;
	pb_autofree char *header = header_comment(w->r);
	pb_autofree char *report = report_comment(w->r);

	if (!header || !report) {
		w->err = -ENOMEM;
		return;
	}
	if (*p->period_type.type)
		put_value_type(w, PPROF_PERIOD_TYPE, &p->period_type);
	pb_proto_clear(&w->msg);
	pb_proto_put_uint(&w->msg, PPROF_TIME_NANOS, clamp(p->time_ns));
	pb_proto_put_uint(&w->msg, PPROF_DURATION_NANOS, clamp(p->duration_ns));
	pb_proto_put_uint(&w->msg, PPROF_PERIOD, clamp(p->period));
	pb_proto_clear(&w->part);
	pb_proto_put_varint(&w->part, add_string(w, header));
	pb_proto_put_varint(&w->part, add_string(w, report));
	pb_proto_put_part(&w->msg, PPROF_COMMENT, &w->part);
	pb_proto_put_uint(&w->msg, PPROF_DEFAULT_SAMPLE_TYPE,
			  add_string(w, p->value_types[p->default_value].type));
	if (w->msg.failed)
		w->err = -ENOMEM;
	deflate_bytes(w, w->msg.bytes, w->msg.len, Z_NO_FLUSH);
	if (w->strings.failed)
		w->err = -ENOMEM;
	deflate_bytes(w, w->strings.bytes, w->strings.len, Z_FINISH);
}

static int write_profile(struct writer *w)
{
	w->module_id = calloc((size_t)w->p->n_modules + 1, sizeof(*w->module_id));
	if (!w->module_id)
		return -ENOMEM;
	add_string(w, "");
	for (uint32_t i = 0; i < w->p->n_values; i++)
		put_value_type(w, PPROF_SAMPLE_TYPE, &w->p->value_types[i]);
	put_samples(w);
	put_mappings(w);
	put_locations(w);
	put_functions(w);
	put_rest(w);
	return w->err;
}

int pb_render_pprof(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		    const struct pb_render_opts *o)
{
	struct writer *w = calloc(1, sizeof(*w)); /* too large for a stack */
	int err;

	(void)o; /* a saved profile holds all values */
	if (!w)
		return -ENOMEM;
	w->out = out;
	w->p = p;
	w->r = r;
	if (deflateInit2(&w->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(w);
		return -ENOMEM;
	}
	err = write_profile(w);
	writer_drop(w);
	return err;
}
