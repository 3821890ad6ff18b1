#pragma once

#include <filesystem>

namespace rdev::agent {

// The subcommands that find a running agent through its config. Each prints its result and returns
// its exit code: 0, 1 failed, 255 no agent there.

enum class StatusFormat { kText, kJson };
int status(const std::filesystem::path& config, StatusFormat format);

// Sends SIGTERM and waits until the agent is gone.
int stop(const std::filesystem::path& config);

// Joins stdin and stdout to the agent's SSH port until the agent closes it.
int stdio(const std::filesystem::path& config);

}  // namespace rdev::agent
