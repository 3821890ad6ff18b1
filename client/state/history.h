#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::state {

// Something that was submitted from here.
struct Submission {
  std::int64_t at_unix_s = 0;
  std::string command;  // "up", "submit", "clone"
  std::string cluster;
  std::string name;               // as `command` calls it
  std::string native;             // as the cluster does
  boost::json::object options;    // of `up`: what it was given
  boost::json::value document{};  // of a queue: what was sent, secrets masked; else null
};

// Of these the last are kept.
inline constexpr std::size_t kMostSubmissions = 500;

// state/history.json, mode 0600.
Result<void> add_to_history(const Paths& paths, Submission submission);
// The newest first; none without the file.
Result<std::vector<Submission>> read_history(const Paths& paths);

}  // namespace rdev::state
