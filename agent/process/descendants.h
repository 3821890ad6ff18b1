#pragma once

#include <sys/types.h>

#include <vector>

namespace rdev::process {

// Every process below this one, as /proc shows it at this moment; empty without a /proc.
std::vector<pid_t> descendants();

// Sends to each of them.
void signal_descendants(int number);

}  // namespace rdev::process
