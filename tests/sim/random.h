#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>

namespace rdev::sim {

// The same numbers on every machine, unlike those of <random>'s distributions.
class Random final {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t number() { return engine_(); }
  // 0 to n - 1.
  std::size_t below(std::size_t n) { return engine_() % n; }
  // 1 to n, small numbers as often as large ones.
  std::size_t up_to(std::size_t n) { return 1 + below(1 + below(n)); }
  bool percent(unsigned chance) { return below(100) < chance; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rdev::sim
