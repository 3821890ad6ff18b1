#pragma once

namespace rdev::base {

// How the peer of a connection sees that it is closed, by whoever that is.
enum class Closing {
  kEnd,    // an end, after all that was sent
  kBreak,  // TCP: a reset, for something is missing; a unix socket has no word for that
};

void set_closing(int socket, Closing how);

}  // namespace rdev::base
