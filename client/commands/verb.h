#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "client/commands/context.h"

namespace rdev::commands {

// Commands that have verbs (`rdev job list`): each verb is a file of its own, which declares its
// options; the one that the user called puts its work into `*chosen`.
using Chosen = std::shared_ptr<Work>;

CLI::App* add_verb(CLI::App& command, const char* name, const char* summary, const char* example);

}  // namespace rdev::commands
