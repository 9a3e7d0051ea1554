/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * libiberty's automatic mode also knows D, Ada and others, and takes names of C programs for theirs:
 * only the engines of C++ and Rust are asked, each for what has its prefix. Without parameters the C++
 * engine stops reading at the end of the name, whatever follows it: a symbol counts as mangled only if
 * all of it can be read.
 *
 * Few bytes can stand for a text without end, since parts of a symbol refer to others. The engines have
 * no bound for that, so the text is taken piece by piece, and the engine left by longjmp() where it is
 * enough. They keep nothing on the heap, but for a Rust name in punycode, which is lost then.
 */
#include "user/symbol/parse/demangle.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "user/core/grow.h"
#include "user/core/own.h"

#define TEXT_MAX     65535 /* bytes; what a table of symbols keeps of a name */
#define SUFFIXES_MAX 16    /* ".isra.0.cold" has three */

/* Of stack, for a byte of a symbol at worst, with a third to spare; and what its callers have taken before. */
#define STACK_PER_BYTE 512
#define STACK_BEFORE   65536

/* A property of the process, as its stack is. */
static uint32_t longest = PB_DEMANGLE_MAX;

struct text {
	char *bytes; /* no NUL */
	uint32_t len, room;
	jmp_buf enough;
};

typedef int engine(const char *symbol, int options, demangle_callbackref callback, void *opaque);

static void free_text(struct text *t)
{
	free(t->bytes);
}

static void append(const char *bytes, size_t len, void *text)
{
	struct text *t = text;

	if (!len)
		return;
	if (len > TEXT_MAX - t->len || pb_grow(&t->bytes, &t->room, t->len + len, 1))
		longjmp(t->enough, 1);
	memcpy(t->bytes + t->len, bytes, len);
	t->len += (uint32_t)len;
}

/* Otherwise the engine refuses what has more than 1024 bytes, which templates reach; how deep it goes is
 * bounded by the length of a symbol: some 6 MB of stack at worst for PB_DEMANGLE_MAX. */
static bool run(struct text *t, engine *e, const char *symbol, int options)
{
	t->len = 0;
	if (setjmp(t->enough))
		return false;
	return e(symbol, options | DMGL_NO_RECURSE_LIMIT, append, t) && t->len;
}

/* The engine names suffixes in a form of its own if it reads them. */
static bool has_suffix_read(const struct text *t)
{
	return memmem(t->bytes, t->len, " [clone ", strlen(" [clone ")) != NULL;
}

/* A symbol of the Itanium scheme without its suffix; legacy Rust borrows that scheme. */
static bool demangle_itanium(struct text *t, const char *symbol, bool full)
{
	size_t len = strlen(symbol);

	if (symbol[len - 1] == 'E' && run(t, rust_demangle_callback, symbol, 0))
		return true;
	if (!run(t, cplus_demangle_v3_callback, symbol, DMGL_PARAMS | DMGL_ANSI) ||
	    has_suffix_read(t))
		return false;
	return full || run(t, cplus_demangle_v3_callback, symbol, 0);
}

/*
 * Find where a suffix begins: the longest symbol without one that can be read, since a mangled name may
 * have dots of its own. @base: shortened to it. Return: whether there is one.
 */
static bool demangle_cut(struct text *t, char *base, bool full)
{
	for (int i = 0; i < SUFFIXES_MAX; i++) {
		char *dot;

		if (demangle_itanium(t, base, full))
			return true;
		dot = strrchr(base, '.');
		if (!dot)
			return false;
		*dot = '\0';
	}
	return false;
}

/* How much of @suffix is LLVM's hash of the module that a local function comes from; 0: it is none. */
static size_t hash_len(const char *suffix)
{
	static const char head[] = ".llvm.";
	size_t len = sizeof(head) - 1, digits;

	if (strncmp(suffix, head, len) != 0)
		return 0;
	digits = strspn(suffix + len, "0123456789");
	len += digits;
	return digits && (!suffix[len] || suffix[len] == '.' || suffix[len] == '@') ? len : 0;
}

/* It differs from build to build, so that profiles of two would not compare. */
static void drop_hashes(char *suffix)
{
	char *to = suffix;

	while (*suffix) {
		size_t len = hash_len(suffix);

		suffix += len;
		if (!len)
			*to++ = *suffix++;
	}
	*to = '\0';
}

/* A symbol that is not mangled, but has a hash; NULL otherwise. */
static char *without_hash(const char *symbol)
{
	const char *hash = strstr(symbol, ".llvm.");
	char *name;

	while (hash && (hash == symbol || !hash_len(hash)))
		hash = strstr(hash + 1, ".llvm.");
	name = hash ? strdup(symbol) : NULL;
	if (name)
		drop_hashes(name + (hash - symbol));
	return name;
}

static char *demangle(const char *symbol, size_t len, bool full)
{
	__attribute__((cleanup(free_text))) struct text t = {0};
	pb_autofree char *base = NULL;
	size_t suffix_len;
	bool is_rust;

	is_rust = !strncmp(symbol, "_R", 2);
	if (!is_rust && strncmp(symbol, "_Z", 2) != 0)
		return NULL;
	/* A symbol's version begins with '@'. Rust symbols have no dots but those of suffixes. */
	base = strndup(symbol, strcspn(symbol, is_rust ? ".@" : "@"));
	if (!base ||
	    !(is_rust ? run(&t, rust_demangle_callback, base, 0) : demangle_cut(&t, base, full)))
		return NULL;
	suffix_len = len - strlen(base);
	if (pb_grow(&t.bytes, &t.room, t.len + suffix_len + 1, 1))
		return NULL;
	memcpy(t.bytes + t.len, symbol + strlen(base), suffix_len + 1);
	drop_hashes(t.bytes + t.len);
	return pb_take(t.bytes);
}

char *pb_demangle(const char *symbol, bool full)
{
	size_t len = strnlen(symbol, PB_DEMANGLE_MAX + 1);
	char *readable = len <= longest ? demangle(symbol, len, full) : NULL;

	return readable || len > longest ? readable : without_hash(symbol);
}

void pb_demangle_bound(uint64_t stack_bytes)
{
	uint64_t fits =
		stack_bytes < STACK_BEFORE ? 0 : (stack_bytes - STACK_BEFORE) / STACK_PER_BYTE;

	longest = fits < PB_DEMANGLE_MAX ? (uint32_t)fits : PB_DEMANGLE_MAX;
}
