#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "protocol/base/result.h"
#include "protocol/stream/stream.h"

namespace rdev::terminal {

// The size of the first of these that is a terminal with one.
std::optional<stream::WindowChange> size_of_terminal(std::initializer_list<int> descriptors);

// Its modes, encoded for a session's terminal; empty when `fd` is no terminal. To be asked before
// raw mode.
std::string modes_of(int fd);

// A terminal that passes every key on as it is, for as long as this lives. It gets its modes back
// also when the process exits or crashes, except by SIGKILL; which other signals end the process is
// its own business. One at a time.
class RawMode final {
 public:
  // An error when `fd` is no terminal. It is borrowed.
  static Result<RawMode> enter(int fd);
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode();

  // Once more, after the process was stopped and the shell has set its own modes.
  void again() const;

 private:
  explicit RawMode(int fd) : fd_(fd) {}
  int fd_;  // -1: moved from
};

}  // namespace rdev::terminal
