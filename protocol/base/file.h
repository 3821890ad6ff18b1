#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::base {

// The whole file; Code::kLimit when it is longer than `max_bytes`.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

// Replaces `path` in one step (a temporary file of mode `mode` beside it, fsync, rename): a reader
// sees the old text or the new one, also after a crash. The temporary name starts with a dot.
Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view text,
                               mode_t mode);

// Makes `path` and its parents; `path` itself gets mode 0700 and must be ours (Code::kPermission
// otherwise: somebody else may have put it there first).
Result<void> make_private_dir(const std::filesystem::path& path);

// Holds an exclusive flock(2) on `path` (made if missing, mode 0600) until the Fd is closed.
enum class LockWait { kBlock, kTry };
// kTry: Code::kExists when another process holds it.
Result<Fd> lock_file(const std::filesystem::path& path, LockWait wait);

}  // namespace rdev::base
