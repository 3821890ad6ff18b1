#pragma once

#include <chrono>

#include "client/commands/context.h"
#include "client/state/job_record.h"
#include "client/ui/progress.h"

namespace rdev::commands {

enum class Outcome { kStarted, kAlreadyRunning, kTakenOver };

// What `rdev up` and `rdev attach` have to tell of the job that is there.
struct UpReport {
  state::JobRecord record;
  Outcome outcome = Outcome::kStarted;
  std::chrono::steady_clock::duration elapsed{};
};

// To stdout: how to go on, or with `timings` all of it as JSON.
Result<void> print_report(const Context& context, const UpReport& report,
                          const ui::Progress::Timings* timings);

}  // namespace rdev::commands
