#pragma once

#include <filesystem>
#include <utility>

#include "client/link/background.h"
#include "protocol/base/fd.h"
#include "protocol/base/unix_socket.h"

namespace rdev::link_process {

// What makes a background process the only one of its kind for its job: the lock, and the socket
// that it listens on, which goes with it.
class Seat final {
 public:
  // Waits for an earlier process that is about to end. One that nobody can reach any more (its
  // socket was removed, or it hangs) is killed.
  static awaitable<Result<Seat>> take(Background background);

  // Listens, non-blocking.
  int listener() const { return listener_.fd(); }

 private:
  Seat(base::Fd lock, base::UnixListener listener)
      : lock_(std::move(lock)), listener_(std::move(listener)) {}

  base::Fd lock_;  // first, so that it goes last
  base::UnixListener listener_;
};

// Keeps the end of a log that has grown beyond 1 MiB. Only for the process that writes it.
Result<void> trim_log(const std::filesystem::path& file);

}  // namespace rdev::link_process
