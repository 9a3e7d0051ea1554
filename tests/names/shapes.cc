/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Templates, lambdas, virtual functions, classes within functions, exceptions, the standard library. */
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "tests/names/chain.h"
#include "tests/names/numbers.h"

namespace geometry
{
struct shape {
	virtual ~shape() = default;
	virtual uint64_t area() const = 0;
	virtual std::string name() const
	{
		return "shape";
	}
};

template <int SIDES>
class polygon : public shape
{
public:
	explicit polygon(uint64_t side) : side_(side)
	{
	}
	uint64_t area() const override
	{
		return mix3(side_ * SIDES) + digits(side_);
	}
	std::string name() const override
	{
		std::ostringstream s;

		s << "polygon of " << SIDES << " sides, each " << side_;
		return s.str();
	}

private:
	uint64_t side_;
};

namespace
{
template <typename T, typename F>
T fold(const std::vector<T> &v, T first, F &&with)
{
	for (const auto &x : v)
		first = with(first, x);
	return first;
}

template <int N>
struct tower {
	static inline __attribute__((always_inline)) uint64_t climb(uint64_t x)
	{
		return tower<N - 1>::climb(mix1(x) + N);
	}
};

template <>
struct tower<0> {
	static inline uint64_t climb(uint64_t x)
	{
		return mix2(x);
	}
};
} // namespace

std::vector<std::unique_ptr<shape>> make(uint64_t n)
{
	std::vector<std::unique_ptr<shape>> v;

	for (uint64_t i = 0; i < n; i++) {
		switch (mix1(i) % 3) {
		case 0:
			v.push_back(std::make_unique<polygon<3>>(i));
			break;
		case 1:
			v.push_back(std::make_unique<polygon<4>>(i));
			break;
		default:
			v.push_back(std::make_unique<polygon<6>>(i));
		}
	}
	return v;
}
} // namespace geometry

static uint64_t count_words(const std::string &text)
{
	static const std::regex word("([a-z]+)\\s+(\\d{1,5}|[A-F]*)x?");
	std::map<std::string, std::vector<uint64_t>> seen;
	auto from = std::sregex_iterator(text.begin(), text.end(), word);

	std::for_each(from, std::sregex_iterator(), [&](const std::smatch &m) {
		seen[m[1].str()].push_back(m.length());
		std::sort(seen[m[1].str()].begin(), seen[m[1].str()].end(),
			  [](uint64_t a, uint64_t b) { return digits(a) < digits(b); });
	});
	return std::accumulate(seen.begin(), seen.end(), uint64_t{0}, [](uint64_t n, const auto &p) {
		return n + p.second.size() + geometry::fold(p.second, uint64_t{1},
							    [](uint64_t a, uint64_t b) {
								    return mix2(a) * b;
							    });
	});
}

static uint64_t visit(const std::variant<uint64_t, std::string, double> &v)
{
	return std::visit(
		[](const auto &x) -> uint64_t {
			using T = std::decay_t<decltype(x)>;

			if constexpr (std::is_same_v<T, std::string>)
				return count_words(x);
			else if constexpr (std::is_same_v<T, double>)
				return static_cast<uint64_t>(x * 3);
			else
				return geometry::tower<8>::climb(x);
		},
		v);
}

static uint64_t guarded(uint64_t n, const std::function<uint64_t(uint64_t)> &f)
{
	struct counter {
		uint64_t calls = 0;
		~counter()
		{
			sink = sink + digits(calls);
		}
		uint64_t up(uint64_t by)
		{
			calls += by;
			return mix4(calls);
		}
	} counter;

	try {
		if (n % 17 == 5)
			throw std::runtime_error("n is " + std::to_string(n));
		return f(n) + counter.up(n);
	} catch (const std::runtime_error &e) {
		return counter.up(std::string(e.what()).size());
	} catch (...) {
		complain("thrown");
		return 0;
	}
}

extern "C" uint64_t shapes(uint64_t n)
{
	std::unordered_map<std::string, uint64_t> by_name;
	uint64_t sum = 0;

	for (const auto &s : geometry::make(n))
		by_name[s->name()] += s->area();
	for (auto &[name, area] : by_name)
		sum += visit(name) + visit(area) + visit(static_cast<double>(area));
	return guarded(sum, [&](uint64_t x) { return geometry::tower<5>::climb(x) + by_name.size(); });
}
