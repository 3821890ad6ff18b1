#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace rdev::netem {

// A test tool that cannot go on says why and ends.
[[noreturn]] inline void fatal(const std::string& what, int error) {
  std::fprintf(stderr, "netem: %s: %s\n", what.c_str(), std::strerror(error));
  std::exit(1);
}

}  // namespace rdev::netem
