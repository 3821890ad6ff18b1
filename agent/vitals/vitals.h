#pragma once

#include <cstdint>
#include <filesystem>

#include "protocol/rdev.pb.h"

namespace rdev::vitals {

struct Memory {
  std::uint64_t used = 0;   // bytes, without caches that the kernel gives back at once
  std::uint64_t limit = 0;  // 0: unknown
};

// Of the control group (v1 or v2) that limits this process the most; where none does, of the
// machine. `root` stands for "/" in tests.
Memory memory(const std::filesystem::path& root = "/");

// The machine's load of the last minute; 0: unknown.
double load(const std::filesystem::path& root = "/");

// Time, load and memory of now. Reads a few small files; nothing is kept.
Vitals read();

}  // namespace rdev::vitals
