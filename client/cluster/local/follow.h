#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "client/cluster/local/proc.h"
#include "protocol/base/asio.h"

namespace rdev::cluster {

using Sink = std::function<void(std::string_view bytes)>;

// The file from its start; with a writer, on until that process has ended (inotify: no polling).
awaitable<Result<void>> read_log(std::filesystem::path file, std::optional<ProcessId> writer,
                                 Sink sink);

}  // namespace rdev::cluster
