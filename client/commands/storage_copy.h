#pragma once

#include <string>

#include "client/commands/context.h"

namespace rdev::commands {

struct CopyOptions {
  std::string from, to;
  bool recursive = false;
  bool json = false;
};

// `rdev storage cp`. A file goes into a folder that is there; a folder's copy is TO itself, which
// is the same when the command is given again, or in TO under its own name where that ends in '/'.
awaitable<Result<int>> copy_in_storage(Context& context, CopyOptions options);

}  // namespace rdev::commands
