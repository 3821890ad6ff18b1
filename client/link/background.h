#pragma once

#include <string>
#include <utility>
#include <vector>

#include "client/state/job_record.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/base/unix_socket.h"

namespace rdev::link_process {

// A process of this program that serves one job in the background, on a unix socket:
// `rdev COMMAND JOB`. This is its clients' side; Seat is its own.
struct Background {
  std::string command;  // "link-process"
  std::string job;
  state::BackgroundFiles files;
  // So that it finds the same paths: it starts in another directory.
  std::vector<std::pair<std::string, std::string>> variables;
};

// Code::kUnavailable: there is none.
Result<base::UnixPeer> connect_background(const Background& background);

// The same, and starts it when there is none; many at once start one. What it says when it cannot
// begin is the error.
awaitable<Result<base::UnixPeer>> connect_or_start(Background background);

// The background process, whether it answers or not, as a descriptor that becomes readable when it
// has ended (a pidfd); empty when there is none.
Result<base::Fd> process_of(const Background& background);

// Waits until the process has ended, which it was asked to do or has begun to; it is killed when
// that takes longer than 3 s.
awaitable<Result<void>> await_end(base::Fd process);
// Asks it to (SIGTERM), and waits.
awaitable<Result<void>> end_process(base::Fd process);

}  // namespace rdev::link_process
