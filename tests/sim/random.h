#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace rdev::sim {

// SplitMix64: the same numbers on every machine, unlike those of <random>'s distributions.
class Random final {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t number() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111eb;
    return z ^ (z >> 31U);
  }
  // 0 to n - 1.
  std::size_t below(std::size_t n) { return number() % n; }
  // 1 to n, small numbers as often as large ones.
  std::size_t up_to(std::size_t n) { return 1 + below(1 + below(n)); }
  bool percent(unsigned chance) { return below(100) < chance; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace rdev::sim
