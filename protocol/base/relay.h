#pragma once

#include "protocol/base/fd.h"

namespace rdev::base {

// All of it, also to a descriptor that somebody else made non-blocking; false when it takes no more
// (errno says why).
bool write_all(int fd, const char* bytes, std::size_t size);

// Copies until the end of `from`, or until either breaks. Blocks; both may be non-blocking.
void copy(int from, int to);

// Joins two descriptors to a connected socket: `in` goes up in a thread of its own, its end is
// passed on as half a close. Blocks until the socket has ended or `out` takes no more. The thread
// may then still wait for `in`, which cannot be interrupted, and use the socket: the caller must
// end the process (hence the socket is never closed here). Ignores SIGPIPE from now on.
void relay(int in, int out, Fd socket);

}  // namespace rdev::base
