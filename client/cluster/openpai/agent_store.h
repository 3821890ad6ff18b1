#pragma once

#include <filesystem>
#include <string>

#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// Agents by their hash, agents/SHA256 in the state directory: a job wants the one that it was made
// for again after a retried attempt, also when rdev has been upgraded meanwhile.
struct StoredAgent {
  std::string sha256;
  std::uint64_t size = 0;
};
// Keeps a copy of `agent`; those that no job has asked for in 60 days are thrown away.
Result<StoredAgent> store_agent(const state::Paths& paths, const std::filesystem::path& agent);
// Code::kNotFound says what to do.
Result<std::filesystem::path> find_agent(const state::Paths& paths, const std::string& sha256);

}  // namespace rdev::cluster::openpai
