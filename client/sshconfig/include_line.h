#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::sshconfig {

// The one line that rdev needs in ~/.ssh/config: `Include "…/ssh.d/*.conf"`. It stands before the
// first Host or Match, because after one it would be part of that block.
Result<std::string> include_line(const state::Paths& paths);

// Text to text. Adding is idempotent, moves a line that stands too late, and leaves the rest of the
// file as it is, byte by byte; so does removing.
bool has_include(std::string_view config, std::string_view line);
std::string add_include(std::string_view config, std::string_view line);
std::string remove_include(std::string_view config, std::string_view line);

// ~/.ssh/config of $HOME.
Result<std::filesystem::path> user_config_file();

enum class Change { kNone, kChanged };
// On the file: under a lock on its directory, in one step, keeping its mode; a symbolic link is
// followed. ~/.ssh is made with mode 0700 when it is missing.
Result<Change> install(const std::filesystem::path& config_file, std::string_view line);
Result<Change> uninstall(const std::filesystem::path& config_file, std::string_view line);
// A file that is missing has no such line.
Result<bool> is_installed(const std::filesystem::path& config_file, std::string_view line);

}  // namespace rdev::sshconfig
