/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Texts as git 2.39 writes them. */
#include "user/bead/gitdiff.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char numstat[] = "3\t0\ta b/\303\274\tt.c\0"
			      "2\t2\ta.py\0"
			      "-\t-\tbin\0"
			      "0\t12\tgone.c\0"
			      "2\t2\tm.c\0"
			      "1\t0\t\0old.c\0new name.c\0"
			      "1\t1\tprog.sh";

static const char hunks[] = "diff --git \"a/a b/\\303\\274\\tt.c\" \"b/a b/\\303\\274\\tt.c\"\n"
			    "index 7e2c847..06f5969 100644\n"
			    "--- \"a/a b/\\303\\274\\tt.c\"\t\n"
			    "+++ \"b/a b/\\303\\274\\tt.c\"\t\n"
			    "@@ -1,0 +2,3 @@ int f(void)\n"
			    "+{\n"
			    "+\treturn 1;\n"
			    "+}\n"
			    "diff --git a/a.py b/a.py\n"
			    "index a800ea6..d78d21c 100644\n"
			    "--- a/a.py\n"
			    "+++ b/a.py\n"
			    "@@ -3 +3 @@ def get(self):\n"
			    "-        return 1\n"
			    "+        return 3\n"
			    "@@ -6 +6 @@ def top():\n"
			    "-    return 2\n"
			    "+    return 3\n"
			    "diff --git a/bin b/bin\n"
			    "index d5d0b8b..4a27031 100644\n"
			    "Binary files a/bin and b/bin differ\n"
			    "diff --git a/gone.c b/gone.c\n"
			    "deleted file mode 100644\n"
			    "index 1..0\n"
			    "--- a/gone.c\n"
			    "+++ /dev/null\n"
			    "@@ -1,4 +0,0 @@\n"
			    "-int away(void)\n"
			    "-{\n"
			    "--- a/m.c\n"
			    "-}\n"
			    "diff --git a/m.c b/m.c\n"
			    "index b1d723f..5ecce68 100644\n"
			    "--- a/m.c\n"
			    "+++ b/m.c\n"
			    "@@ -8 +8 @@ static int find(const char *s)\n"
			    "-\treturn 1;\n"
			    "+\treturn 3;\n"
			    "@@ -12 +12,5 @@ static int last(void)\n"
			    "-/* above main */\n"
			    "+\n"
			    "+static int fresh(int a)\n"
			    "+{\n"
			    "+\treturn a;\n"
			    "+}\n"
			    "diff --git a/old.c b/new name.c\n"
			    "similarity index 87%\n"
			    "rename from old.c\n"
			    "rename to new name.c\n"
			    "index b1afe9a..fcf38df 100644\n"
			    "--- a/old.c\n"
			    "+++ b/new name.c\t\n"
			    "@@ -5,0 +6 @@ int renamed(void)\n"
			    "+\te();\n"
			    "diff --git a/prog.sh b/prog.sh\n"
			    "index 594b385..8488e38 100644\n"
			    "--- a/prog.sh\n"
			    "+++ b/prog.sh\n"
			    "@@ -2 +2 @@ find()\n"
			    "-\tsleep 1\n"
			    "+\tsleep 2\n";

static void expect_functions(struct pb_gitdiff *d, const char *path, const char *expected)
{
	const struct pb_gitdiff_file *file = pb_gitdiff_find(d, path);
	char all[256] = "";

	assert_non_null(file);
	for (uint32_t i = 0; i < file->n_functions; i++) {
		strncat(all, i ? " " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, file->functions[i], sizeof(all) - strlen(all) - 1);
	}
	assert_string_equal(all, expected);
}

static void files_and_their_lines_are_read(void **state)
{
	struct pb_gitdiff d = {0};

	(void)state;
	assert_int_equal(pb_gitdiff_numstat(&d, numstat, sizeof(numstat)), 0);
	assert_int_equal(d.n, 7);
	assert_string_equal(d.files[0].path, "a b/\303\274\tt.c");
	assert_int_equal(d.files[0].added, 3);
	assert_int_equal(d.files[0].removed, 0);
	assert_true(d.files[2].binary);
	assert_false(d.files[3].binary);
	assert_int_equal(d.files[3].removed, 12);
	assert_string_equal(d.files[5].path, "new name.c");
	assert_string_equal(d.files[5].old_path, "old.c");
	assert_null(d.files[4].old_path);
	assert_string_equal(d.files[6].path, "prog.sh");
	pb_gitdiff_drop(&d);
}

static void what_is_no_numstat_is_refused(void **state)
{
	static const char *const bad[] = {"x", "1\t2", "1\t2\tfile", "1 2 file", "-\t1\t"};
	struct pb_gitdiff d = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(pb_gitdiff_numstat(&d, bad[i], strlen(bad[i])), -EPROTO);
		pb_gitdiff_drop(&d);
	}
	/* A rename that ends too soon. */
	assert_int_equal(pb_gitdiff_numstat(&d, "1\t0\t\0old.c\0new", 14), -EPROTO);
	pb_gitdiff_drop(&d);
	assert_int_equal(pb_gitdiff_numstat(&d, "", 0), 0);
}

static void functions_are_those_whose_lines_are_touched(void **state)
{
	struct pb_gitdiff d = {0};

	(void)state;
	assert_int_equal(pb_gitdiff_numstat(&d, numstat, sizeof(numstat)), 0);
	assert_int_equal(pb_gitdiff_hunks(&d, hunks, sizeof(hunks) - 1), 0);
	expect_functions(&d, "a b/\303\274\tt.c", "f");
	expect_functions(&d, "a.py", "get top");
	expect_functions(&d, "bin", "");
	/* A line that looks like the head of a file is one of the hunk. */
	expect_functions(&d, "gone.c", "away");
	/* last() ends above what is put behind it. */
	expect_functions(&d, "m.c", "find fresh");
	expect_functions(&d, "new name.c", "renamed");
	expect_functions(&d, "prog.sh", "find");
	pb_gitdiff_drop(&d);
}

static void a_text_that_ends_anywhere_is_read(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(hunks); size++) {
		char *cut = malloc(size + 1);
		struct pb_gitdiff d = {0};

		assert_non_null(cut);
		memcpy(cut, hunks, size);
		assert_int_equal(pb_gitdiff_numstat(&d, numstat, sizeof(numstat)), 0);
		/* To its very end, for the sanitizer to see what is read behind it. */
		cut = realloc(cut, size ? size : 1);
		assert_int_equal(pb_gitdiff_hunks(&d, cut, size), 0);
		pb_gitdiff_drop(&d);
		free(cut);
	}
}

static void lines_that_begin_a_function_tell_its_name(void **state)
{
	static const struct {
		const char *line, *name; /* NULL: none */
	} lines[] = {
		{"static int find(const char *s)", "find"},
		{"find(int x)", "find"},
		{"int main (void)", "main"},
		{"__attribute__((cold)) static void slow(void)", "slow"},
		{"int ns::T::get() const", "ns::T::get"},
		{"ns::T::~T()", "ns::T::~T"},
		{"std::vector<int> parse(const char *at,", "parse"},
		{"find() {", "find"},
		{"    def get(self):", "get"},
		{"pub fn find<T>(x: T) -> T {", "find"},
		{"func (t *Table) Find(key string) int {", "Find"},
		{"function lookup(x) {", "lookup"},
		{"function lookup {", "lookup"},
		{"sub handler {", "handler"},
		{"int find(const char *s);", NULL},
		{"\tfind(s);", NULL},
		{"\treturn find(s);", NULL},
		{"if (x)", NULL},
		{"static const int table[] = { SIZE(x) };", NULL},
		{"static int x = find(3)", NULL},
		{"#define FIND(x) find(x)", NULL},
		{"out:", NULL},
		{"}", NULL},
		{"struct item {", NULL},
		{"", NULL},
		{"(", NULL},
		{"def", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char name[64] = "";
		bool found = pb_gitdiff_function(name, sizeof(name), lines[i].line,
						 strlen(lines[i].line));

		if (found != (lines[i].name != NULL) || (found && strcmp(name, lines[i].name) != 0))
			fail_msg("\"%s\" gave %s", lines[i].line, found ? name : "none");
	}
}

static void a_file_that_is_new_tells_all_its_functions(void **state)
{
	static const char text[] = "#include <x.h>\n\nstatic int one(int a)\n{\n\treturn a;\n}\n\n"
				   "int two(void)\n{\n\treturn one(1);\n}";
	struct pb_gitdiff d = {0};
	struct pb_gitdiff_file *file = pb_gitdiff_add(&d, "new.c", 5);

	(void)state;
	assert_non_null(file);
	assert_int_equal(pb_gitdiff_whole(file, text, sizeof(text) - 1), 0);
	expect_functions(&d, "new.c", "one two");
	pb_gitdiff_drop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_their_lines_are_read),
		cmocka_unit_test(what_is_no_numstat_is_refused),
		cmocka_unit_test(functions_are_those_whose_lines_are_touched),
		cmocka_unit_test(a_text_that_ends_anywhere_is_read),
		cmocka_unit_test(lines_that_begin_a_function_tell_its_name),
		cmocka_unit_test(a_file_that_is_new_tells_all_its_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
