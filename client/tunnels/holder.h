#pragma once

#include <string>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/asio.h"
#include "protocol/laptop.pb.h"

namespace rdev::tunnels {

// `rdev holder NAME`: not for people. The process that owns a job's background listeners and the
// ends of their streams, until they are removed or the job goes down. It outlives link processes.
inline constexpr char kHolderCommand[] = "holder";
int run_holder(const std::vector<std::string>& arguments);

// Asks the job's holder; the error is the holder's own sentence when it refused. `start`: also when
// there is none, one is started (which opens the tunnels that the job had); otherwise the answer is
// then made from what is kept, with nothing bound.
enum class Start { kNo, kYes };
awaitable<Result<HolderReply>> ask(const state::Paths& paths, std::string job,
                                   HolderRequest request, Start start);

// Starts the holder again if the job has kept tunnels and no holder (after a restart of the
// laptop).
awaitable<Result<void>> resume(const state::Paths& paths, std::string job);

// Ends the job's holder, if there is one, and waits until it has ended.
awaitable<Result<void>> stop(const state::Paths& paths, std::string job);

}  // namespace rdev::tunnels
