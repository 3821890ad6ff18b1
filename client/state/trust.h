#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::state {

// The project files that the user has read and trusts, as they were then: trusted.json in the state
// directory, mode 0600. A file that has changed since is not trusted any more.

enum class Trust { kNone, kChanged, kTrusted };

Result<Trust> trust_of(const Paths& paths, const std::filesystem::path& file,
                       const std::string& text);
Result<void> trust(const Paths& paths, const std::filesystem::path& file, const std::string& text);
// False when it was not trusted.
Result<bool> distrust(const Paths& paths, const std::filesystem::path& file);
Result<std::vector<std::filesystem::path>> trusted_files(const Paths& paths);

}  // namespace rdev::state
