#pragma once

#include <chrono>
#include <cstddef>

#include "protocol/ssh/rate.h"

namespace rdev::ssh {

// What a connection asks of the kernel's TCP. Of a socket of another kind: nothing.
class Tcp final {
 public:
  // Prepares `fd`, which must stay open.
  explicit Tcp(int fd);
  static Tcp none() { return {}; }

  // A peer with Nagle's algorithm on (npm's ssh2) sends its next small packet only when this one is
  // acknowledged: without a hint, 40 ms later.
  void acknowledge_at_once() const;
  // Something was sent. The kernel's queue is kept as short as the connection allows.
  void sent();
  // Bytes a second that the connection can carry, as last seen when there was enough to send;
  // 0: not known yet.
  std::uint64_t rate() const { return rate_.value(); }

 private:
  Tcp() = default;
  void keep_unsent(int bytes);

  int fd_ = -1;
  Rate rate_;
  Rate::Time looked_;
  std::chrono::steady_clock::duration pause_{};
  int unsent_ = 0;  // what the kernel may hold
};

}  // namespace rdev::ssh
