#pragma once

#include <chrono>

#include "client/link/backoff.h"

namespace rdev::link_process {

// When the tries of a series are due: the first at once, then one each `pause`, and when that has
// not helped for as long as `brisk`, ever fewer.
class Pacing final {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Time = std::chrono::steady_clock::time_point;

  Pacing(Milliseconds pause, Milliseconds brisk, Milliseconds longest)
      : pause_(pause), brisk_(brisk), rarer_(pause, longest) {}

  // A new series: the link was good until now, or the network is another one.
  void restart(Time now) {
    since_ = now;
    due_ = now;
    rarer_.reset();
  }
  // `chance` is from 0 to 1.
  void tried(Time now, double chance) {
    due_ = now + (now - since_ < brisk_ ? pause_ : rarer_.next(chance));
  }
  // The next try, without anything else being taken back.
  void wait_until(Time due) { due_ = due; }
  Time due() const { return due_; }

 private:
  const Milliseconds pause_, brisk_;
  Backoff rarer_;
  Time since_, due_;
};

}  // namespace rdev::link_process
