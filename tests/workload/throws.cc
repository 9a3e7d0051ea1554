/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* throws [SECONDS] [DEPTH]: throws an exception DEPTH calls below the one that catches it, again and again. */
#include <stdexcept>
#include <string>

#include "tests/workload/workload.h"

namespace app
{

/* Has something to be destroyed while the exception passes. */
VISIBLE static size_t descend(int left)
{
	std::string text(static_cast<size_t>(20 + left), 'x');

	if (!left)
		throw std::runtime_error(text);
	return descend(left - 1) + text.size();
}

VISIBLE static void catch_all(int depth)
{
	try {
		sink = descend(depth);
	} catch (const std::runtime_error &e) {
		sink = e.what()[0];
	}
}

} /* namespace app */

int main(int argc, char **argv)
{
	uint64_t deadline = in_seconds(arg(argc, argv, 1, 60));
	int depth = static_cast<int>(arg(argc, argv, 2, 20));

	say_ready();
	while (now_ns() < deadline)
		app::catch_all(depth);
	return 0;
}
