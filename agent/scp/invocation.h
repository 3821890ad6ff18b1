#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "agent/process/words.h"

namespace rdev::scp {

enum class Role {
  kSource,  // -f: sends the paths
  kSink,    // -t: receives into the path
};

// What a client of the old protocol asks its peer for (`scp -O`, pscp, libssh).
struct Invocation {
  Role role = Role::kSource;
  bool recursive = false;       // -r
  bool preserve = false;        // -p
  bool into_directory = false;  // -d
  std::vector<process::Word> paths;
};

// The command line by which a client starts its peer, as `scp -r -p -t PATH`. Nothing for every
// other command, among them all that need a shell.
std::optional<Invocation> parse_invocation(std::string_view command);

}  // namespace rdev::scp
