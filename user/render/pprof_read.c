/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A pprof file back into a profile. The fields of a Profile may stand in any order, and everything
 * refers to the string table, which usually comes late; so the file is taken apart once into tables
 * of messages, and the tables are then read in the order of what refers to what:
 *
 *   sample types -> mappings -> functions -> locations -> samples -> comments
 *
 * Ids are arbitrary in the format; most writers count from 1, and then an id is an index.
 *
 * The model finds locations by module and address. Many writers have no addresses (interpreters) or
 * no mappings: where a module and address come twice with different lines, the later location is
 * given an address of its own. Locations without a mapping share one module without a path, unless
 * they look like a marker that pprof.c wrote.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/log.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/gunzip.h"
#include "user/render/pprof_fields.h"
#include "user/render/proto.h"
#include "user/render/render.h"
#include "user/render/tree.h"

#define NSEC_PER_SEC 1e9

/* Bounds on what a hostile file can make of few bytes. */
#define ROWS_MAX  (1u << 24) /* of one table */
#define LINES_MAX 1024u      /* inlined into one location */
#define DEPTH_MAX (1u << 16) /* of one stack */
#define NODES_MAX (1u << 25) /* of all stacks together */

/* Above all user addresses of today's processors, below all of the kernel. */
#define MADE_UP_ADDR (UINT64_C(1) << 62)

/* The messages of one field, in file order. */
struct table {
	struct pb_proto_span *rows;
	uint32_t n, capacity;
};

/* From ids in the file to rows of a table. */
struct id_row {
	uint64_t id;
	uint32_t row;
};

struct id_map {
	struct id_row *rows; /* sorted by id */
	uint32_t n;
	bool counted; /* row i has id i + 1 */
};

struct reader {
	const unsigned char *start; /* of the file, decompressed */
	const unsigned char *at;    /* the message being read, for the log */
	struct table types, samples, mappings, locations, functions, strings;
	struct pb_proto_span period_type;
	uint64_t *comments; /* string indices */
	uint32_t n_comments;
	uint64_t time_ns, duration_ns, period, default_type;

	struct pb_profile *p;
	uint32_t n_types;     /* in the file; the profile holds PB_VALUES_MAX of them */
	uint32_t *string_ids; /* by string index; PB_NONE: not in the profile yet */
	struct id_map mapping_ids, function_ids, location_ids;
	uint32_t *mapping_module; /* by row, as all below; PB_NONE: no path */
	uint32_t *function_of;    /* PB_NONE: no name */
	uint32_t *location_of;
	uint32_t nowhere; /* the module for locations without a mapping, or PB_NONE */
	uint64_t made_up; /* the next address to give */
	uint32_t *path;   /* scratch: locations of one stack, leaf first */
	uint32_t path_capacity;
	bool negative; /* a value below zero was seen */
};

static void reader_drop(struct reader *r)
{
	free(r->types.rows);
	free(r->samples.rows);
	free(r->mappings.rows);
	free(r->locations.rows);
	free(r->functions.rows);
	free(r->strings.rows);
	free(r->comments);
	free(r->string_ids);
	free(r->mapping_ids.rows);
	free(r->function_ids.rows);
	free(r->location_ids.rows);
	free(r->mapping_module);
	free(r->function_of);
	free(r->location_of);
	free(r->path);
	pb_profile_free(r->p);
}

static int malformed(const struct reader *r, const unsigned char *at, const char *what)
{
	pb_fail(EPROTO, "not a readable profile: %s, at byte %zu", what, (size_t)(at - r->start));
	return -EPROTO;
}

static int too_big(const char *what)
{
	pb_fail(EFBIG, "the profile is too big: %s", what);
	return -EFBIG;
}

/* Taking the file apart */

static int add_row(struct table *t, struct pb_proto_span row)
{
	if (t->n == ROWS_MAX)
		return too_big("more than 16 million entries of one kind");
	if (t->n == t->capacity) {
		uint32_t capacity = t->capacity ? 2 * t->capacity : 64;
		struct pb_proto_span *bigger = reallocarray(t->rows, capacity, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		t->rows = bigger;
		t->capacity = capacity;
	}
	t->rows[t->n++] = row;
	return 0;
}

/* The format's numbers are signed; none of those read here may be below zero. */
static uint64_t not_negative(uint64_t value)
{
	return value > INT64_MAX ? 0 : value;
}

static uint32_t clamp32(uint64_t value)
{
	value = not_negative(value);
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static int add_comment(struct reader *r, uint64_t index)
{
	uint64_t *bigger;

	if (r->n_comments == ROWS_MAX)
		return too_big("more than 16 million comments");
	if (!(r->n_comments & (r->n_comments - 1))) { /* 0 or a power of two: full */
		size_t room = r->n_comments ? 2 * (size_t)r->n_comments : 1;

		bigger = reallocarray(r->comments, room, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		r->comments = bigger;
	}
	r->comments[r->n_comments++] = index;
	return 0;
}

/* Packed or not: the numbers of a repeated field, one by one, to @add. */
static int each_number(struct reader *r, const struct pb_proto_field *f,
		       int (*add)(struct reader *r, uint64_t value))
{
	struct pb_proto_span bytes = f->bytes;
	uint64_t value;
	int got, err;

	if (f->wire == PB_PROTO_VARINT)
		return add(r, f->value);
	if (f->wire != PB_PROTO_BYTES)
		return malformed(r, r->at, "a number of an unknown kind");
	while ((got = pb_proto_varint(&bytes, &value)) == 1) {
		err = add(r, value);
		if (err)
			return err;
	}
	return got ? malformed(r, bytes.at, "a broken number") : 0;
}

static int take_message(struct reader *r, const struct pb_proto_field *f)
{
	struct table *tables[] = {
		[PPROF_SAMPLE_TYPE] = &r->types,  [PPROF_SAMPLE] = &r->samples,
		[PPROF_MAPPING] = &r->mappings,   [PPROF_LOCATION] = &r->locations,
		[PPROF_FUNCTION] = &r->functions, [PPROF_STRING_TABLE] = &r->strings,
	};

	if (f->number == PPROF_PERIOD_TYPE) {
		r->period_type = f->bytes;
		return 0;
	}
	return f->number < PB_ARRAY_SIZE(tables) ? add_row(tables[f->number], f->bytes) : 0;
}

static int take_field(struct reader *r, const struct pb_proto_field *f)
{
	bool is_message = (f->number >= PPROF_SAMPLE_TYPE && f->number <= PPROF_STRING_TABLE) ||
			  f->number == PPROF_PERIOD_TYPE;

	if (f->number == PPROF_COMMENT)
		return each_number(r, f, add_comment);
	if (is_message && f->wire == PB_PROTO_BYTES)
		return take_message(r, f);
	if (is_message)
		return malformed(r, r->at, "a message that is a number");
	if (f->wire != PB_PROTO_VARINT)
		return 0; /* unknown, or of no use here */
	if (f->number == PPROF_TIME_NANOS)
		r->time_ns = not_negative(f->value);
	else if (f->number == PPROF_DURATION_NANOS)
		r->duration_ns = not_negative(f->value);
	else if (f->number == PPROF_PERIOD)
		r->period = not_negative(f->value);
	else if (f->number == PPROF_DEFAULT_SAMPLE_TYPE)
		r->default_type = f->value;
	return 0;
}

static int take_apart(struct reader *r, struct pb_proto_span file)
{
	struct pb_proto_field f;
	int got, err;

	while ((got = pb_proto_next(&file, &f)) == 1) {
		r->at = f.wire == PB_PROTO_BYTES ? f.bytes.at : file.at;
		err = take_field(r, &f);
		if (err)
			return err;
	}
	if (got)
		return malformed(r, file.at, "a broken field");
	if (!r->types.n)
		return malformed(r, r->start, "it says of no value what it means");
	if (!r->strings.n || r->strings.rows[0].at != r->strings.rows[0].end)
		return malformed(r, r->start, "the string table does not begin with \"\"");
	return 0;
}

/* One row of numbers: those of the fields 1 to @n - 1, the last of each; absent ones are 0. */
static int read_numbers(const struct reader *r, struct pb_proto_span row, uint64_t *numbers,
			uint32_t n)
{
	struct pb_proto_field f;
	int got;

	memset(numbers, 0, n * sizeof(*numbers));
	while ((got = pb_proto_next(&row, &f)) == 1) {
		if (f.number >= n)
			continue;
		if (f.wire == PB_PROTO_VARINT)
			numbers[f.number] = f.value;
	}
	return got ? malformed(r, row.at, "a broken field") : 0;
}

static int read_row(struct reader *r, const struct table *t, uint32_t row, uint64_t *numbers,
		    uint32_t n)
{
	r->at = t->rows[row].at;
	return read_numbers(r, t->rows[row], numbers, n);
}

/* Strings */

static int string_span(const struct reader *r, uint64_t index, struct pb_proto_span *out)
{
	if (index >= r->strings.n)
		return malformed(r, r->at, "a string that is not in the table");
	*out = r->strings.rows[index];
	return 0;
}

/* The profile's id of a string of the table. */
static int read_string(struct reader *r, uint64_t index, uint32_t *out)
{
	struct pb_proto_span s;
	int err = string_span(r, index, &s);

	if (err)
		return err;
	if (r->string_ids[index] == PB_NONE) {
		r->string_ids[index] =
			pb_profile_string(r->p, (const char *)s.at, (size_t)(s.end - s.at));
		err = pb_profile_error(r->p);
	}
	*out = r->string_ids[index];
	return err;
}

/* A copy for texts that do not go into the profile. */
static int copy_string(const struct reader *r, uint64_t index, char **out)
{
	struct pb_proto_span s;
	int err = string_span(r, index, &s);

	if (err)
		return err;
	*out = strndup((const char *)s.at, (size_t)(s.end - s.at));
	return *out ? 0 : -ENOMEM;
}

/* Sample types */

static int read_value_type(const struct reader *r, struct pb_proto_span row, char **type,
			   char **unit)
{
	uint64_t n[3];
	int err = read_numbers(r, row, n, PB_ARRAY_SIZE(n));

	if (!err)
		err = copy_string(r, n[VALUE_TYPE_TYPE], type);
	if (!err)
		err = copy_string(r, n[VALUE_TYPE_UNIT], unit);
	return err;
}

/* Types are the keys of a report's totals: a name that comes again gets a number. */
static int tell_apart(char **types, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		char *numbered;

		if (strcmp(types[i], types[n]) != 0)
			continue;
		if (asprintf(&numbered, "%s#%" PRIu32, types[n], n + 1) < 0)
			return -ENOMEM;
		free(types[n]);
		types[n] = numbered;
		i = UINT32_MAX; /* look again from the start */
	}
	return 0;
}

/* The file says which value to show first by its type; without that, pprof shows the last. */
static int choose_default(struct reader *r, char *const *types, uint32_t n)
{
	pb_autofree char *wanted = NULL;
	int err = copy_string(r, r->default_type, &wanted);

	if (err)
		return err;
	r->p->default_value = n - 1;
	for (uint32_t i = n; i-- > 0;) {
		if (*wanted && !strcmp(types[i], wanted))
			r->p->default_value = i;
	}
	return 0;
}

static int make_profile(struct reader *r, char **types, char **units, uint32_t n)
{
	struct pb_value_type rows[PB_VALUES_MAX];
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++) {
		err = read_value_type(r, r->types.rows[i], &types[i], &units[i]);
		if (!err)
			err = tell_apart(types, i);
		rows[i] = (struct pb_value_type){types[i], units[i]};
	}
	if (!err)
		err = pb_profile_new(&r->p, rows, n);
	return err ? err : choose_default(r, types, n);
}

static int read_types(struct reader *r)
{
	char *types[PB_VALUES_MAX] = {0}, *units[PB_VALUES_MAX] = {0};
	uint32_t n = r->types.n < PB_VALUES_MAX ? r->types.n : PB_VALUES_MAX;
	int err;

	r->n_types = r->types.n;
	if (n < r->types.n)
		pb_log(PB_LOG_WARN,
		       "the profile has %" PRIu32 " values per sample; %" PRIu32 " are shown",
		       r->types.n, n);
	err = make_profile(r, types, units, n);
	for (uint32_t i = 0; i < PB_VALUES_MAX; i++) {
		free(types[i]);
		free(units[i]);
	}
	return err;
}

/* The texts of the period's type live in the profile, as those of the values do. */
static int read_period(struct reader *r)
{
	uint32_t type, unit;
	uint64_t n[3];
	int err;

	r->p->time_ns = r->time_ns;
	r->p->duration_ns = r->duration_ns;
	r->p->period = r->period;
	if (!r->period_type.at)
		return 0;
	err = read_numbers(r, r->period_type, n, PB_ARRAY_SIZE(n));
	if (!err)
		err = read_string(r, n[VALUE_TYPE_TYPE], &type);
	if (!err)
		err = read_string(r, n[VALUE_TYPE_UNIT], &unit);
	if (err)
		return err;
	r->p->period_type =
		(struct pb_value_type){pb_profile_text(r->p, type), pb_profile_text(r->p, unit)};
	return 0;
}

/* Ids */

static int compare_ids(const void *a, const void *b)
{
	const struct id_row *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Map the ids of a table, which are field 1 of each message in all three. */
static int map_ids(struct reader *r, const struct table *t, struct id_map *map)
{
	uint64_t n[2];
	int err;

	map->rows = calloc((size_t)t->n + 1, sizeof(*map->rows));
	if (!map->rows)
		return -ENOMEM;
	map->n = t->n;
	map->counted = true;
	for (uint32_t i = 0; i < t->n; i++) {
		err = read_numbers(r, t->rows[i], n, PB_ARRAY_SIZE(n));
		if (err)
			return err;
		if (!n[1])
			return malformed(r, t->rows[i].at, "an id that is 0");
		map->rows[i] = (struct id_row){n[1], i};
		map->counted = map->counted && n[1] == (uint64_t)i + 1;
	}
	if (map->counted)
		return 0;
	qsort(map->rows, map->n, sizeof(*map->rows), compare_ids);
	for (uint32_t i = 1; i < map->n; i++) {
		if (map->rows[i].id == map->rows[i - 1].id)
			return malformed(r, t->rows[map->rows[i].row].at, "an id that comes twice");
	}
	return 0;
}

/* The row that has @id; PB_NONE if there is none. */
static uint32_t find_id(const struct id_map *map, uint64_t id)
{
	const struct id_row want = {.id = id}, *have;

	if (map->counted)
		return id && id <= map->n ? (uint32_t)(id - 1) : PB_NONE;
	have = bsearch(&want, map->rows, map->n, sizeof(want), compare_ids);
	return have ? have->row : PB_NONE;
}

/* Mappings */

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* The names that Linux, perf and pprof's own writers give to code that is in no file. */
static enum pb_module_kind kind_of(const char *path)
{
	if (begins(path, "[kernel.") || begins(path, "[guest.kernel.") || !strcmp(path, "[kernel]"))
		return PB_MODULE_KERNEL;
	if (!strcmp(path, "[vdso]") || begins(path, "linux-vdso.so"))
		return PB_MODULE_VDSO;
	if (*path == '[' || begins(path, "//anon") || begins(path, "/tmp/perf-") ||
	    begins(path, "anon_inode:"))
		return PB_MODULE_ANON;
	return PB_MODULE_FILE;
}

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A build id that is not hex, such as Go's, or is longer than the model holds, is left out. */
static int read_build_id(const struct reader *r, uint64_t index, struct pb_module *m)
{
	struct pb_proto_span s;
	size_t len;
	int err = string_span(r, index, &s);

	if (err)
		return err;
	len = (size_t)(s.end - s.at);
	if (len % 2 || len > 2 * PB_BUILD_ID_MAX)
		return 0;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(s.at[i]), low = hex_digit(s.at[i + 1]);

		if (high < 0 || low < 0)
			return 0;
		m->build_id[i / 2] = (uint8_t)(high << 4 | low);
	}
	m->build_id_len = (uint8_t)(len / 2);
	return 0;
}

static int read_mapping(struct reader *r, uint32_t row)
{
	uint64_t n[MAPPING_HAS_INLINE_FRAMES + 1];
	struct pb_module m = {0};
	int err = read_row(r, &r->mappings, row, n, PB_ARRAY_SIZE(n));

	if (!err)
		err = read_string(r, n[MAPPING_FILENAME], &m.path);
	if (!err)
		err = read_build_id(r, n[MAPPING_BUILD_ID], &m);
	if (err)
		return err;
	r->mapping_module[row] = PB_NONE;
	if (!m.path)
		return 0;
	m.kind = kind_of(pb_profile_text(r->p, m.path));
	m.start = n[MAPPING_MEMORY_START];
	m.limit = n[MAPPING_MEMORY_LIMIT];
	m.file_off = n[MAPPING_FILE_OFFSET];
	m.has_functions = n[MAPPING_HAS_FUNCTIONS];
	m.has_filenames = n[MAPPING_HAS_FILENAMES];
	m.has_lines = n[MAPPING_HAS_LINE_NUMBERS];
	m.has_inlines = n[MAPPING_HAS_INLINE_FRAMES];
	r->mapping_module[row] = pb_profile_module(r->p, &m);
	return pb_profile_error(r->p);
}

static int read_function(struct reader *r, uint32_t row)
{
	uint64_t n[FUNCTION_START_LINE + 1];
	struct pb_function f = {0};
	int err = read_row(r, &r->functions, row, n, PB_ARRAY_SIZE(n));

	if (!err)
		err = read_string(r, n[FUNCTION_NAME], &f.name);
	if (!err)
		err = read_string(r, n[FUNCTION_SYSTEM_NAME], &f.system_name);
	if (!err)
		err = read_string(r, n[FUNCTION_FILENAME], &f.file);
	if (err)
		return err;
	if (!f.name)
		f.name = f.system_name;
	f.start_line = clamp32(n[FUNCTION_START_LINE]);
	r->function_of[row] = f.name ? pb_profile_function(r->p, &f) : PB_NONE;
	return pb_profile_error(r->p);
}

/* Locations */

struct raw_location {
	uint64_t mapping, addr;
	struct pb_line lines[LINES_MAX];
	uint32_t n_lines;
};

static int read_line(struct reader *r, struct pb_proto_span row, struct raw_location *raw)
{
	uint64_t n[3];
	uint32_t function;
	int err = read_numbers(r, row, n, PB_ARRAY_SIZE(n));

	if (err)
		return err;
	function = find_id(&r->function_ids, n[LINE_FUNCTION_ID]);
	if (function == PB_NONE || r->function_of[function] == PB_NONE)
		return 0; /* nameless: the address will stand for it */
	if (raw->n_lines == LINES_MAX)
		return too_big("more than 1024 functions inlined into one place");
	raw->lines[raw->n_lines++] = (struct pb_line){
		.function = r->function_of[function],
		.line = clamp32(n[LINE_LINE]),
	};
	return 0;
}

static int read_raw_location(struct reader *r, struct pb_proto_span row, struct raw_location *raw)
{
	struct pb_proto_field f;
	int got, err = 0;

	r->at = row.at;
	raw->mapping = raw->addr = raw->n_lines = 0;
	while ((got = pb_proto_next(&row, &f)) == 1) {
		if (f.number == LOCATION_MAPPING_ID)
			raw->mapping = f.value;
		else if (f.number == LOCATION_ADDRESS)
			raw->addr = f.value;
		else if (f.number == LOCATION_LINE && f.wire == PB_PROTO_BYTES)
			err = read_line(r, f.bytes, raw);
		if (err)
			return err;
	}
	return got ? malformed(r, row.at, "a broken field") : 0;
}

/* The name of the marker that this is as pprof.c writes it, or NULL. */
static const char *marker_name(const struct reader *r, const struct raw_location *raw)
{
	const struct pb_function *f;
	const char *name;

	if (raw->mapping || raw->addr || raw->n_lines != 1 || raw->lines[0].line)
		return NULL;
	f = &r->p->functions[raw->lines[0].function];
	name = pb_profile_text(r->p, f->name);
	if (f->system_name || f->file || f->start_line)
		return NULL;
	/* In profiles of I/O also what a stack ends in, a file or a device. Elsewhere that is a function of somebody's. */
	if (*name != '[')
		return pb_profile_value(r->p, "io_time") != PB_NONE ? name : NULL;
	return name[strlen(name) - 1] == ']' ? name : NULL;
}

static uint32_t module_of(struct reader *r, const struct raw_location *raw)
{
	static const struct pb_module nowhere = {.kind = PB_MODULE_FILE};
	uint32_t mapping = find_id(&r->mapping_ids, raw->mapping);

	if (mapping != PB_NONE && r->mapping_module[mapping] != PB_NONE)
		return r->mapping_module[mapping];
	if (r->nowhere == PB_NONE)
		r->nowhere = pb_profile_module(r->p, &nowhere);
	return r->nowhere;
}

static bool same_lines(const struct pb_profile *p, uint32_t location,
		       const struct raw_location *raw)
{
	const struct pb_location *l = &p->locations[location];

	return l->n_lines == raw->n_lines &&
	       (!raw->n_lines ||
		!memcmp(&p->lines[l->first_line], raw->lines, raw->n_lines * sizeof(*raw->lines)));
}

/* A location that the model has not got, or that is this one. */
static uint32_t place_location(struct reader *r, uint32_t module, const struct raw_location *raw)
{
	uint32_t before = r->p->n_locations;
	uint32_t location = pb_profile_location(r->p, module, raw->addr, false);

	if (location == PB_NONE || location == before || same_lines(r->p, location, raw))
		return location;
	do {
		before = r->p->n_locations;
		location = pb_profile_location(r->p, module, r->made_up++, false);
	} while (location != PB_NONE && location != before);
	return location;
}

/* Code without a name is called by its address, here and not later, for the address to be true. */
static int name_by_address(struct reader *r, uint32_t module, struct raw_location *raw)
{
	pb_autofree char *name = pb_address_name(r->p, module, raw->addr);
	struct pb_function f = {0};

	if (!name)
		return -ENOMEM;
	f.name = pb_profile_string(r->p, name, strlen(name));
	raw->lines[0] = (struct pb_line){.function = pb_profile_function(r->p, &f)};
	raw->n_lines = 1;
	return pb_profile_error(r->p);
}

static int read_location(struct reader *r, uint32_t row, struct raw_location *raw)
{
	const char *marker;
	uint32_t module;
	int err = read_raw_location(r, r->locations.rows[row], raw);

	if (err)
		return err;
	marker = marker_name(r, raw);
	if (marker) {
		r->location_of[row] = pb_profile_marker(r->p, marker);
		return pb_profile_error(r->p);
	}
	module = module_of(r, raw);
	if (module == PB_NONE)
		return -ENOMEM;
	if (!raw->n_lines) {
		err = name_by_address(r, module, raw);
		if (err)
			return err;
	}
	r->location_of[row] = place_location(r, module, raw);
	if (r->location_of[row] == PB_NONE)
		return -ENOMEM;
	if (!r->p->locations[r->location_of[row]].n_lines)
		pb_profile_set_lines(r->p, r->location_of[row], raw->lines, raw->n_lines);
	return pb_profile_error(r->p);
}

static int read_tables(struct reader *r)
{
	pb_autofree struct raw_location *raw = malloc(sizeof(*raw));
	int err;

	r->mapping_module = calloc((size_t)r->mappings.n + 1, sizeof(*r->mapping_module));
	r->function_of = calloc((size_t)r->functions.n + 1, sizeof(*r->function_of));
	r->location_of = calloc((size_t)r->locations.n + 1, sizeof(*r->location_of));
	if (!raw || !r->mapping_module || !r->function_of || !r->location_of)
		return -ENOMEM;
	err = map_ids(r, &r->mappings, &r->mapping_ids);
	if (!err)
		err = map_ids(r, &r->functions, &r->function_ids);
	if (!err)
		err = map_ids(r, &r->locations, &r->location_ids);
	for (uint32_t i = 0; i < r->mappings.n && !err; i++)
		err = read_mapping(r, i);
	for (uint32_t i = 0; i < r->functions.n && !err; i++)
		err = read_function(r, i);
	for (uint32_t i = 0; i < r->locations.n && !err; i++)
		err = read_location(r, i, raw);
	return err;
}

/* Samples */

struct raw_sample {
	uint32_t depth; /* of r->path */
	uint64_t values[PB_VALUES_MAX];
	uint32_t n_values;
	bool has_tgid;
	uint32_t tgid;
	uint32_t comm; /* string */
};

static int add_to_path(struct reader *r, uint32_t *depth, uint64_t id)
{
	uint32_t row = find_id(&r->location_ids, id);

	if (row == PB_NONE)
		return malformed(r, r->at, "a stack with a location that is not there");
	if (*depth == DEPTH_MAX)
		return too_big("a stack of more than 65536 frames");
	if (*depth == r->path_capacity) {
		uint32_t capacity = r->path_capacity ? 2 * r->path_capacity : 256;
		uint32_t *bigger = reallocarray(r->path, capacity, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		r->path = bigger;
		r->path_capacity = capacity;
	}
	r->path[(*depth)++] = r->location_of[row];
	return 0;
}

static void add_value(struct reader *r, struct raw_sample *raw, uint64_t value)
{
	if (value > INT64_MAX) {
		r->negative = true;
		value = 0;
	}
	if (raw->n_values < PB_VALUES_MAX)
		raw->values[raw->n_values] = value;
	if (raw->n_values < UINT32_MAX)
		raw->n_values++;
}

/* A label is a string or a number; those other than of process and thread are not shown. */
static int read_label(struct reader *r, struct pb_proto_span row, struct raw_sample *raw)
{
	uint64_t n[LABEL_NUM_UNIT + 1];
	struct pb_proto_span key;
	size_t len;
	int err = read_numbers(r, row, n, PB_ARRAY_SIZE(n));

	if (!err)
		err = string_span(r, n[LABEL_KEY], &key);
	if (err)
		return err;
	len = (size_t)(key.end - key.at);
	if (len == strlen(PPROF_LABEL_PID) && !memcmp(key.at, PPROF_LABEL_PID, len)) {
		raw->has_tgid = !n[LABEL_STR] && n[LABEL_NUM] <= UINT32_MAX;
		raw->tgid = raw->has_tgid ? (uint32_t)n[LABEL_NUM] : 0;
	} else if (len == strlen(PPROF_LABEL_THREAD) && !memcmp(key.at, PPROF_LABEL_THREAD, len)) {
		return read_string(r, n[LABEL_STR], &raw->comm);
	}
	return 0;
}

/* One number, or many of them packed. */
static int read_sample_numbers(struct reader *r, const struct pb_proto_field *f,
			       struct raw_sample *raw)
{
	struct pb_proto_span bytes = f->bytes;
	uint64_t value = f->value;
	int got = 1, err = 0;

	if (f->wire == PB_PROTO_BYTES)
		got = pb_proto_varint(&bytes, &value);
	while (got == 1 && !err) {
		if (f->number == SAMPLE_VALUE)
			add_value(r, raw, value);
		else
			err = add_to_path(r, &raw->depth, value);
		got = f->wire == PB_PROTO_BYTES ? pb_proto_varint(&bytes, &value) : 0;
	}
	if (err)
		return err;
	return got < 0 ? malformed(r, bytes.at, "a broken number") : 0;
}

static int read_raw_sample(struct reader *r, struct pb_proto_span row, struct raw_sample *raw)
{
	struct pb_proto_field f;
	int got, err = 0;

	r->at = row.at;
	memset(raw, 0, sizeof(*raw));
	while ((got = pb_proto_next(&row, &f)) == 1) {
		if (f.number == SAMPLE_LOCATION_ID || f.number == SAMPLE_VALUE)
			err = read_sample_numbers(r, &f, raw);
		else if (f.number == SAMPLE_LABEL && f.wire == PB_PROTO_BYTES)
			err = read_label(r, f.bytes, raw);
		if (err)
			return err;
	}
	if (got)
		return malformed(r, row.at, "a broken field");
	if (raw->n_values != r->n_types)
		return malformed(r, r->at, "a sample without a number for each value");
	return 0;
}

static int read_sample(struct reader *r, uint32_t row)
{
	uint32_t node = 0, process = PB_NONE;
	struct raw_sample raw;
	int err = read_raw_sample(r, r->samples.rows[row], &raw);

	if (err)
		return err;
	if (r->p->n_nodes > NODES_MAX)
		return too_big("its stacks have more than 32 million places");
	while (raw.depth)
		node = pb_profile_node(r->p, node, r->path[--raw.depth]);
	if (raw.has_tgid || raw.comm)
		process = pb_profile_process(r->p, raw.tgid, raw.comm);
	if (!pb_profile_error(r->p))
		pb_profile_add(r->p, node, process, raw.values);
	return pb_profile_error(r->p);
}

static int read_samples(struct reader *r)
{
	for (uint32_t i = 0; i < r->samples.n; i++) {
		int err = read_sample(r, i);

		if (err)
			return err;
	}
	if (r->negative)
		pb_log(PB_LOG_WARN, "the profile is a difference; values below zero count as 0");
	return 0;
}

/* The report */

static int read_comment(const struct reader *r, uint64_t index, struct pb_report **out)
{
	static const char prefix[] = PPROF_REPORT_PREFIX;
	pb_autofree char *text = NULL;
	int err = copy_string(r, index, &text);

	if (err)
		return err;
	if (!begins(text, prefix) || *out)
		return 0;
	err = pb_report_read(out, text + strlen(prefix));
	if (err == -EPROTO) {
		pb_log(PB_LOG_WARN, "the report inside the profile cannot be read; going without");
		return 0;
	}
	return err;
}

/* What a profile of anyone's says about how it came to be. */
static int make_report(const struct pb_profile *p, struct pb_report *report)
{
	bool is_timed = !strcmp(p->period_type.unit, "nanoseconds");

	report->started_ns = p->time_ns;
	report->duration_ns = p->duration_ns;
	report->kept = report->produced = report->complete = pb_profile_total(p, 0);
	report->unique_stacks = p->n_samples;
	if (is_timed && p->period)
		report->asked_hz = NSEC_PER_SEC / (double)p->period;
	if (pb_report_set(&report->scope, "saved profile"))
		return -ENOMEM;
	if (!p->n_processes)
		return 0;
	return pb_report_set(&report->comm, pb_profile_text(p, p->processes[0].comm));
}

static int read_report(const struct reader *r, struct pb_report **out)
{
	pb_auto(pb_report) struct pb_report *report = NULL;
	int err = 0;

	for (uint32_t i = 0; i < r->n_comments && !err; i++)
		err = read_comment(r, r->comments[i], &report);
	if (!err && !report) {
		err = pb_report_new(&report);
		if (!err)
			err = make_report(r->p, report);
	}
	if (err)
		return err;
	*out = pb_take(report);
	return 0;
}

static int read_all(struct reader *r, struct pb_proto_span file)
{
	int err = take_apart(r, file);

	if (err)
		return err;
	r->string_ids = malloc(((size_t)r->strings.n + 1) * sizeof(*r->string_ids));
	if (!r->string_ids)
		return -ENOMEM;
	memset(r->string_ids, 0xff, r->strings.n * sizeof(*r->string_ids)); /* PB_NONE */
	err = read_types(r);
	if (!err)
		err = read_period(r);
	if (!err)
		err = read_tables(r);
	if (!err)
		err = read_samples(r);
	return err;
}

int pb_pprof_read(struct pb_profile **profile, struct pb_report **report, const void *data,
		  size_t size)
{
	struct reader r = {.nowhere = PB_NONE, .made_up = MADE_UP_ADDR};
	pb_auto(pb_report) struct pb_report *made = NULL;
	pb_autofree unsigned char *unpacked = NULL;
	const unsigned char *start = data;
	size_t len = size;
	int err = 0;

	if (pb_is_gzip(data, size)) {
		err = pb_gunzip(&unpacked, &len, data, size, PB_PPROF_SIZE_MAX);
		start = unpacked;
	}
	if (err == -EPROTO)
		return pb_fail(EPROTO, "not a readable profile: damaged or cut off gzip data");
	if (err == -EFBIG || len > PB_PPROF_SIZE_MAX)
		return too_big("more than 512 MB when decompressed");
	if (err)
		return err;
	if (!len)
		return pb_fail(EPROTO, "not a readable profile: it is empty");
	r.start = start;
	err = read_all(&r, (struct pb_proto_span){start, start + len});
	if (!err)
		err = read_report(&r, &made);
	if (!err) {
		*profile = pb_take(r.p);
		*report = pb_take(made);
	}
	reader_drop(&r);
	return err;
}
