// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Java at work: compiled code, the collections and their callbacks, garbage. */
public class Work {
	static int fib(int n) {
		return n < 2 ? n : fib(n - 1) + fib(n - 2);
	}

	static long turn(int round) {
		Map<String, Integer> counts = new HashMap<>();
		for (int i = 0; i < 5000; i++)
			counts.merge("item-" + (i * 7919 % 997 + round % 3), i, Integer::sum);
		List<Map.Entry<String, Integer>> rows = new ArrayList<>(counts.entrySet());
		rows.sort(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder()));
		return rows.get(0).getValue() + fib(20);
	}

	public static void main(String[] args) {
		long sum = 0;
		for (int round = 0; ; round++) {
			sum += turn(round);
			if (round == 500)
				System.out.println("ready");
			if (sum == 42)
				System.out.println(sum);
		}
	}
}
