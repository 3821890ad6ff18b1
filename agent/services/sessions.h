#pragma once

#include <list>
#include <memory>
#include <string_view>

#include "agent/process/reaper.h"
#include "agent/services/attachment.h"
#include "agent/services/session_plan.h"
#include "protocol/base/asio.h"
#include "protocol/stream/stream.h"

namespace rdev::services {

// Shell, exec and SFTP sessions: each a child process joined to a stream.
class Sessions final {
 public:
  // `reaper` and the fd in `settings` must outlive the sessions.
  Sessions(process::Reaper& reaper, process::JobLimits limits, SessionSettings settings);
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // One session from its offer to its end. What keeps it from starting is a sentence on the stderr
  // lane and an exit status as a shell gives it: 127 not found, 126 cannot run.
  awaitable<void> serve(SessionRequest request, std::unique_ptr<stream::Offer> offer);

  // The job ends: SIGHUP to what runs on a terminal (interactive shells ignore SIGTERM), and no new
  // sessions.
  void hang_up();

  // Writes "rdev: LINE" to every session that has a terminal; never into a pipe.
  void announce(std::string_view line);

 private:
  process::Reaper& reaper_;
  const process::JobLimits limits_;
  const SessionSettings settings_;
  std::list<Attachment*> running_;  // of the serve()s in progress
  bool ending_ = false;
};

}  // namespace rdev::services
