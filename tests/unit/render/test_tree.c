/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/render/sample_profile.h"
#include "user/core/profile.h"

static const struct pb_tree_opts by_samples = {.value = 0};
static const struct pb_tree_opts by_line = {.value = 0, .lines = true};

struct fixture {
	struct pb_profile *p;
	struct pb_tree *t;
};

static int setup(void **state)
{
	static struct fixture f;

	f.p = pb_sample_profile();
	assert_int_equal(pb_tree_build(&f.t, f.p, &by_samples), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pb_tree_free(f->t);
	pb_profile_free(f->p);
	return 0;
}

/* The child of @node that has this name and kind; fails the test if there is none. */
static uint32_t child(const struct pb_tree *t, uint32_t node, const char *name,
		      enum pb_frame_kind kind)
{
	for (uint32_t i = t->nodes[node].first_child; i != PB_NONE; i = t->nodes[i].next_sibling) {
		const struct pb_frame *f = &t->frames[t->nodes[i].frame];

		if (!strcmp(f->name, name) && f->kind == kind)
			return i;
	}
	fail_msg("no %s below node %u", name, node);
	return 0;
}

/* The row of a function in the table; fails the test unless there is one. */
static const struct pb_hotspot *hotspot(const struct pb_tree *t, const char *name,
					const char *module)
{
	for (uint32_t i = 0; i < t->n_hotspots; i++) {
		const struct pb_frame *f = &t->frames[t->hotspots[i].frame];

		if (!strcmp(f->name, name) && strstr(f->module, module))
			return &t->hotspots[i];
	}
	fail_msg("no row for %s", name);
	return NULL;
}

static void nothing_is_lost_on_the_way_to_the_root(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;
	uint64_t self = 0;

	assert_int_equal(t->nodes[0].total, PB_SAMPLE_TOTAL);
	assert_int_equal(t->nodes[0].frame, PB_NONE);
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		uint64_t below = t->nodes[i].self;

		self += t->nodes[i].self;
		for (uint32_t c = t->nodes[i].first_child; c != PB_NONE;
		     c = t->nodes[c].next_sibling)
			below += t->nodes[c].total;
		assert_int_equal(t->nodes[i].total, below);
	}
	assert_int_equal(self, PB_SAMPLE_TOTAL);
}

static void nodes_are_numbered_depth_first(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;

	for (uint32_t i = 1; i < t->n_nodes; i++) {
		uint32_t up = i - 1;

		assert_true(t->nodes[i].parent < i);
		/* the parent is the node before, or lies on its way to the root */
		while (up != t->nodes[i].parent) {
			assert_int_not_equal(up, 0);
			up = t->nodes[up].parent;
		}
		if (t->nodes[i].first_child != PB_NONE)
			assert_int_equal(t->nodes[i].first_child, i + 1);
	}
}

static void siblings_and_frames_are_sorted(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;

	for (uint32_t i = 1; i < t->n_frames; i++)
		assert_true(strcmp(t->frames[i - 1].name, t->frames[i].name) <= 0);
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		if (t->nodes[i].next_sibling != PB_NONE)
			assert_true(t->nodes[i].frame < t->nodes[t->nodes[i].next_sibling].frame);
	}
}

static void addresses_of_one_function_are_one_frame(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;
	uint32_t at = child(t, 0, "app", PB_FRAME_PROCESS);

	at = child(t, at, "_start", PB_FRAME_USER);
	at = child(t, at, "main", PB_FRAME_USER);
	at = child(t, at, "compute", PB_FRAME_USER);
	assert_int_equal(t->nodes[at].self, 5);
	assert_int_equal(t->nodes[at].total, 47);
	assert_int_equal(hotspot(t, "compute", "app")->total, 47);
}

static void inlined_callees_hang_below_their_callers(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;
	uint32_t at = child(t, 0, "app", PB_FRAME_PROCESS);

	at = child(t, at, "_start", PB_FRAME_USER);
	at = child(t, at, "main", PB_FRAME_USER);
	at = child(t, at, "compute", PB_FRAME_USER);
	at = child(t, at, "square", PB_FRAME_INLINED);
	assert_int_equal(t->nodes[at].self, 42);
}

static void recursion_counts_once_in_total(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;

	assert_int_equal(hotspot(t, "fib", "app")->self, 13);
	assert_int_equal(hotspot(t, "fib", "app")->total, 13);
}

static void kernel_and_jit_and_markers_are_told_apart(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;
	uint32_t at = child(t, 0, "app", PB_FRAME_PROCESS), start, worker;

	start = child(t, at, "_start", PB_FRAME_USER);
	at = child(t, start, "main", PB_FRAME_USER);
	child(t, at, "Function:~handler;(request) /srv/a b.js", PB_FRAME_JIT);
	/* the one in /opt comes first */
	at = t->nodes[child(t, at, "write", PB_FRAME_USER)].next_sibling;
	at = child(t, at, "entry_SYSCALL_64", PB_FRAME_KERNEL);
	worker = child(t, 0, "worker", PB_FRAME_PROCESS);
	at = child(t, worker, "[truncated]", PB_FRAME_MARKER);
	child(t, at, "fib", PB_FRAME_USER);
	child(t, worker, "[broken]", PB_FRAME_MARKER);
}

/* What I/O was of stands where a stack ends, and is no code. */
static void files_and_devices_are_targets(void **state)
{
	static const struct pb_value_type type = {"io_time", "nanoseconds"};
	const uint64_t one[] = {1};
	pb_auto(pb_profile) struct pb_profile *p = NULL;
	pb_auto(pb_tree) struct pb_tree *t = NULL;
	uint32_t node;

	(void)state;
	assert_int_equal(pb_profile_new(&p, &type, 1), 0);
	node = pb_profile_node(p, 0, pb_profile_marker(p, "/var/lib/data"));
	node = pb_profile_node(p, node, pb_profile_marker(p, "vda write"));
	pb_profile_add(p, node, PB_NONE, one);
	assert_int_equal(pb_tree_build(&t, p, &by_samples), 0);
	node = child(t, 0, "/var/lib/data", PB_FRAME_TARGET);
	child(t, node, "vda write", PB_FRAME_TARGET);
	assert_int_equal(t->n_hotspots, 0);
}

static void one_name_in_two_modules_is_two_frames(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;

	assert_int_equal(hotspot(t, "write", "/usr/lib/")->total, 8);
	assert_int_equal(hotspot(t, "write", "/opt/app/lib/")->total, 1);
}

static void code_that_nobody_named_is_called_by_its_offset(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;
	uint32_t at = child(t, 0, "worker", PB_FRAME_PROCESS);

	at = child(t, at, "libc.so.6+0x30000", PB_FRAME_USER);
	assert_int_equal(t->nodes[at].self, 1);
}

static void processes_and_markers_have_no_row(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;
	uint64_t self = 0;

	for (uint32_t i = 0; i < t->n_hotspots; i++) {
		const struct pb_frame *f = &t->frames[t->hotspots[i].frame];

		assert_int_not_equal(f->kind, PB_FRAME_PROCESS);
		assert_int_not_equal(f->kind, PB_FRAME_MARKER);
		self += t->hotspots[i].self;
		if (i)
			assert_true(t->hotspots[i - 1].self >= t->hotspots[i].self);
	}
	assert_int_equal(self, PB_SAMPLE_TOTAL);
	assert_string_equal(t->frames[t->hotspots[0].frame].name, "square");
}

static void all_values_have_the_same_nodes(void **state)
{
	const struct fixture *f = *state;
	const struct pb_tree_opts by_time = {.value = 1};
	pb_auto(pb_tree) struct pb_tree *ns = NULL;

	assert_int_equal(pb_tree_build(&ns, f->p, &by_time), 0);
	assert_int_equal(ns->n_nodes, f->t->n_nodes);
	assert_int_equal(ns->n_frames, f->t->n_frames);
	for (uint32_t i = 0; i < ns->n_nodes; i++) {
		assert_int_equal(ns->nodes[i].frame, f->t->nodes[i].frame);
		assert_int_equal(ns->nodes[i].total, f->t->nodes[i].total * PB_SAMPLE_NS);
	}
}

static void source_is_known_where_all_places_agree(void **state)
{
	const struct pb_tree *t = ((struct fixture *)*state)->t;
	const struct pb_frame *fib = &t->frames[hotspot(t, "fib", "app")->frame];
	const struct pb_frame *compute = &t->frames[hotspot(t, "compute", "app")->frame];

	assert_string_equal(fib->file, "/src/app/compute.c");
	assert_int_equal(fib->line, 31);
	assert_string_equal(compute->file, "/src/app/compute.c");
	assert_int_equal(compute->line, 0);
	assert_string_equal(t->frames[hotspot(t, "write", "/usr/lib/")->frame].file, "");
}

static void overloads_of_one_name_are_one_frame_without_a_line(void **state)
{
	struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_tree) struct pb_tree *t = NULL;
	const struct pb_hotspot *handle;

	(void)state;
	assert_int_equal(pb_tree_build(&t, p, &by_samples), 0);
	handle = hotspot(t, "app::Server::handle", "app");
	assert_int_equal(handle->self, 6);
	assert_int_equal(handle->total, 14);
	assert_string_equal(t->frames[handle->frame].file, "/src/server/server.cc");
	assert_int_equal(t->frames[handle->frame].line, 0);
	/* where a function starts is what its frame is about, not where it was met */
	assert_int_equal(t->frames[hotspot(t, "main", "app")->frame].line, 40);
	assert_string_equal(t->frames[hotspot(t, "main", "app")->frame].label, "main");
	pb_profile_free(p);
}

static void functions_inlined_two_deep_hang_in_order(void **state)
{
	struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_tree) struct pb_tree *t = NULL;
	uint32_t at;

	(void)state;
	assert_int_equal(pb_tree_build(&t, p, &by_samples), 0);
	at = child(t, child(t, 0, "app", PB_FRAME_PROCESS), "main", PB_FRAME_USER);
	at = child(t, at, "app::Server::handle", PB_FRAME_USER);
	at = child(t, at, "std::map<int, std::string>::find", PB_FRAME_INLINED);
	assert_int_equal(t->nodes[at].self, 0);
	at = child(t, at, "std::_Rb_tree<int>::_M_lower_bound", PB_FRAME_INLINED);
	assert_int_equal(t->nodes[at].self, 8);
	pb_profile_free(p);
}

/* The frame that is shown as @label; fails the test unless there is one of them. */
static const struct pb_hotspot *labelled(const struct pb_tree *t, const char *label)
{
	const struct pb_hotspot *found = NULL;

	for (uint32_t i = 0; i < t->n_hotspots; i++) {
		if (strcmp(t->frames[t->hotspots[i].frame].label, label) != 0)
			continue;
		assert_null(found);
		found = &t->hotspots[i];
	}
	if (!found)
		fail_msg("no row for %s", label);
	return found;
}

static void by_line_each_line_is_a_frame_of_its_own(void **state)
{
	struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_tree) struct pb_tree *t = NULL;
	const struct pb_frame *frame;

	(void)state;
	assert_int_equal(pb_tree_build(&t, p, &by_line), 0);
	assert_int_equal(t->nodes[0].total, PB_SOURCE_TOTAL);
	assert_int_equal(labelled(t, "main:44")->total, PB_SOURCE_TOTAL);
	/* a line that others are inlined into is that of the call */
	assert_int_equal(labelled(t, "app::Server::handle:105")->total, 8);
	assert_int_equal(labelled(t, "app::Server::handle:105")->self, 0);
	assert_int_equal(labelled(t, "app::Server::handle:112")->self, 4); /* two addresses */
	assert_int_equal(labelled(t, "app::Server::handle:150")->self, 1);
	assert_int_equal(labelled(t, "std::_Rb_tree<int>::_M_lower_bound:1955")->self, 5);
	assert_int_equal(labelled(t, "std::_Rb_tree<int>::_M_lower_bound:1957")->self, 3);
	frame = &t->frames[labelled(t, "std::map<int, std::string>::find:1220")->frame];
	assert_string_equal(frame->name, "std::map<int, std::string>::find");
	assert_string_equal(frame->file, "/usr/include/c++/12/bits/stl_map.h");
	assert_int_equal(frame->line, 1220);
	pb_profile_free(p);
}

static void by_line_code_of_no_line_has_none(void **state)
{
	struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_tree) struct pb_tree *t = NULL;
	const struct pb_hotspot *h;

	(void)state;
	assert_int_equal(pb_tree_build(&t, p, &by_line), 0);
	h = labelled(t, "app::Server::handle");
	assert_int_equal(h->self, 1);
	assert_int_equal(t->frames[h->frame].line, 0);
	assert_string_equal(t->frames[h->frame].file, "/src/server/server.cc");
	assert_int_equal(labelled(t, "plain")->self, 3);
	pb_profile_free(p);
}

static void by_line_frames_are_sorted_by_number(void **state)
{
	struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_tree) struct pb_tree *t = NULL;

	(void)state;
	assert_int_equal(pb_tree_build(&t, p, &by_line), 0);
	for (uint32_t i = 1; i < t->n_frames; i++) {
		const struct pb_frame *x = &t->frames[i - 1], *y = &t->frames[i];
		int order = strcmp(x->name, y->name);

		assert_true(order < 0 || (order == 0 && (x->kind != y->kind || x->line < y->line)));
	}
	pb_profile_free(p);
}

/* A line is one of a file: the same number in another one is another place. */
static void by_line_two_files_are_two_frames(void **state)
{
	struct pb_profile *p = pb_sample_empty_profile();
	const struct pb_module m = {.path = pb_profile_string(p, "/bin/x", 6)};
	const uint64_t values[] = {1, 1};
	pb_auto(pb_tree) struct pb_tree *t = NULL, *merged = NULL;

	(void)state;
	pb_profile_module(p, &m);
	for (uint32_t i = 0; i < 2; i++) {
		const struct pb_function f = {.name = pb_profile_string(p, "init", 4),
					      .file = pb_profile_string(p, i ? "b.c" : "a.c", 3)};
		const struct pb_line line = {pb_profile_function(p, &f), 9};
		uint32_t location = pb_profile_location(p, 0, i, false);

		pb_profile_set_lines(p, location, &line, 1);
		pb_profile_add(p, pb_profile_node(p, 0, location), PB_NONE, values);
	}
	assert_int_equal(pb_tree_build(&t, p, &by_line), 0);
	assert_int_equal(t->n_frames, 2);
	assert_string_equal(t->frames[0].file, "a.c");
	assert_string_equal(t->frames[1].file, "b.c");
	assert_int_equal(pb_tree_build(&merged, p, &by_samples), 0);
	assert_int_equal(merged->n_frames, 1);
	assert_string_equal(merged->frames[0].file, "");
	assert_int_equal(merged->frames[0].line, 0);
	pb_profile_free(p);
}

static void labels_beyond_the_bound_are_refused(void **state)
{
	struct pb_profile *p = pb_sample_empty_profile();
	const struct pb_module m = {.path = pb_profile_string(p, "/bin/x", 6)};
	struct pb_function f = {0};
	struct pb_tree *t = NULL;
	char name[4000];

	(void)state;
	memset(name, 'n', sizeof(name));
	pb_profile_module(p, &m);
	f.name = pb_profile_string(p, name, sizeof(name));
	for (uint32_t i = 0; i <= PB_TREE_LABELS_MAX / sizeof(name); i++) {
		const struct pb_line line = {pb_profile_function(p, &f), i + 1};

		pb_profile_set_lines(p, pb_profile_location(p, 0, i, false), &line, 1);
	}
	assert_int_equal(pb_tree_build(&t, p, &by_line), -EFBIG);
	assert_null(t);
	assert_int_equal(pb_tree_build(&t, p, &by_samples), 0);
	pb_tree_free(t);
	pb_profile_free(p);
}

static void an_empty_profile_is_a_root(void **state)
{
	struct pb_profile *p = pb_sample_empty_profile();
	pb_auto(pb_tree) struct pb_tree *t = NULL;

	(void)state;
	assert_int_equal(pb_tree_build(&t, p, &by_samples), 0);
	assert_int_equal(t->n_nodes, 1);
	assert_int_equal(t->nodes[0].first_child, PB_NONE);
	assert_int_equal(t->nodes[0].total, 0);
	assert_int_equal(t->n_hotspots, 0);
	pb_profile_free(p);
}

static void samples_without_stack_or_name_are_shown(void **state)
{
	struct pb_profile *p = pb_sample_empty_profile();
	const uint64_t values[] = {3, 4};
	pb_auto(pb_tree) struct pb_tree *t = NULL;

	(void)state;
	pb_profile_add(p, 0, PB_NONE, values);
	pb_profile_add(p, 0, pb_profile_process(p, 77, 0), values);
	assert_int_equal(pb_tree_build(&t, p, &by_samples), 0);
	assert_int_equal(t->nodes[child(t, 0, "[no stack]", PB_FRAME_MARKER)].self, 3);
	assert_int_equal(t->nodes[child(t, 0, "pid 77", PB_FRAME_PROCESS)].self, 3);
	pb_profile_free(p);
}

static void sums_stop_at_the_largest_number(void **state)
{
	struct pb_profile *p = pb_sample_empty_profile();
	const uint64_t values[] = {UINT64_MAX - 1, 1};
	pb_auto(pb_tree) struct pb_tree *t = NULL;

	(void)state;
	pb_profile_add(p, 0, pb_profile_process(p, 1, 0), values);
	pb_profile_add(p, 0, pb_profile_process(p, 2, 0), values);
	assert_int_equal(pb_tree_build(&t, p, &by_samples), 0);
	assert_true(t->nodes[0].total == UINT64_MAX);
	pb_profile_free(p);
}

static void ids_are_hashes_of_name_and_module_base(void **state)
{
	const struct pb_frame here = {.name = "a", .module = "/x/b"};
	const struct pb_frame there = {.name = "a", .module = "/y/z/b"};
	const struct pb_frame other = {.name = "a", .module = "/x/c"};
	const struct pb_frame line = {.name = "a", .label = "a:7", .module = "/x/b", .line = 7};
	char id[17], id2[17];

	(void)state;
	pb_hotspot_id(&here, id);
	/* FNV-1a of "a", NUL, "b", by python3 */
	assert_string_equal(id, "e5d29919042666b2");
	pb_hotspot_id(&there, id2);
	assert_string_equal(id, id2);
	pb_hotspot_id(&line, id2);
	assert_string_equal(id, id2);
	pb_hotspot_id(&other, id2);
	assert_string_not_equal(id, id2);
}

static void the_base_of_a_path_is_never_empty(void **state)
{
	(void)state;
	assert_string_equal(pb_module_base("/usr/lib/libc.so.6"), "libc.so.6");
	assert_string_equal(pb_module_base("app"), "app");
	assert_string_equal(pb_module_base("/odd/"), "/odd/");
	assert_string_equal(pb_module_base("[vdso]"), "[vdso]");
	assert_string_equal(pb_module_base(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_lost_on_the_way_to_the_root, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nodes_are_numbered_depth_first, setup, teardown),
		cmocka_unit_test_setup_teardown(siblings_and_frames_are_sorted, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_of_one_function_are_one_frame, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inlined_callees_hang_below_their_callers, setup,
						teardown),
		cmocka_unit_test_setup_teardown(recursion_counts_once_in_total, setup, teardown),
		cmocka_unit_test_setup_teardown(kernel_and_jit_and_markers_are_told_apart, setup,
						teardown),
		cmocka_unit_test(files_and_devices_are_targets),
		cmocka_unit_test_setup_teardown(one_name_in_two_modules_is_two_frames, setup,
						teardown),
		cmocka_unit_test_setup_teardown(code_that_nobody_named_is_called_by_its_offset,
						setup, teardown),
		cmocka_unit_test_setup_teardown(processes_and_markers_have_no_row, setup, teardown),
		cmocka_unit_test_setup_teardown(all_values_have_the_same_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(source_is_known_where_all_places_agree, setup,
						teardown),
		cmocka_unit_test(overloads_of_one_name_are_one_frame_without_a_line),
		cmocka_unit_test(functions_inlined_two_deep_hang_in_order),
		cmocka_unit_test(by_line_each_line_is_a_frame_of_its_own),
		cmocka_unit_test(by_line_code_of_no_line_has_none),
		cmocka_unit_test(by_line_frames_are_sorted_by_number),
		cmocka_unit_test(by_line_two_files_are_two_frames),
		cmocka_unit_test(labels_beyond_the_bound_are_refused),
		cmocka_unit_test(an_empty_profile_is_a_root),
		cmocka_unit_test(samples_without_stack_or_name_are_shown),
		cmocka_unit_test(sums_stop_at_the_largest_number),
		cmocka_unit_test(ids_are_hashes_of_name_and_module_base),
		cmocka_unit_test(the_base_of_a_path_is_never_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
