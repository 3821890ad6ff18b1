#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "protocol/base/asio.h"

namespace rdev::link_process {

// Told of an event after which connections may be dead and others may work, in a few words: "an
// address came". For the process's whole life.
using TellEvent = std::function<void(const std::string& what)>;

// What the kernel says of devices, addresses and routes (no privilege needed): the first event at
// once, those of the next 100 ms together. Until cancelled; an error where the kernel does not tell
// (a container without netlink).
awaitable<Result<void>> watch_network(TellEvent tell);

struct SleepOptions {
  // How long the machine has been asleep since it was started: what CLOCK_BOOTTIME counts and
  // CLOCK_MONOTONIC does not.
  std::function<std::chrono::nanoseconds()> asleep;
  std::chrono::nanoseconds period = std::chrono::minutes(1);
};
SleepOptions this_machine();

// The end of each suspend. Until cancelled.
awaitable<Result<void>> watch_sleep(SleepOptions options, TellEvent tell);

}  // namespace rdev::link_process
