/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * maps DEPTH: a recursion whose every frame holds a std::map and std::strings to destroy, with the work
 * at its bottom inside templates of the standard library.
 */
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/workload/workload.h"

#define SECONDS_MAX 300

typedef std::map<std::string, std::vector<std::string>> index_t;

VISIBLE static size_t count_words(const index_t &index, unsigned int round)
{
	std::map<std::string, size_t> counts;
	std::vector<std::string> words;

	for (const auto &row : index)
		for (const auto &word : row.second)
			counts[word + std::to_string(round % 13)] += row.first.size();
	for (const auto &row : counts)
		words.push_back(row.first);
	std::sort(words.begin(), words.end(),
		  [](const std::string &a, const std::string &b) { return b < a; });
	return words.empty() ? 0 : words.front().size();
}

VISIBLE static size_t down(unsigned int left, const index_t &above)
{
	index_t index(above);
	std::string name =
		"a name too long to be kept inside of its string " + std::to_string(left);
	size_t sum = 0;

	if (index.size() > 6)
		index.erase(index.begin());
	index[name].assign(4, name.substr(left % 40));
	if (left > 1)
		return down(left - 1, index) + index.size();
	for (unsigned int round = 0; round < 2000; round++)
		sum += count_words(index, round);
	return sum;
}

int main(int argc, char **argv)
{
	uint64_t deadline = in_seconds(SECONDS_MAX);
	unsigned int depth = (unsigned int)arg(argc, argv, 1, 110);

	say_ready();
	while (now_ns() < deadline)
		sink = down(depth, index_t());
	return 0;
}
