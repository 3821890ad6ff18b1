#pragma once

#include <memory>

#include "client/terminal/pieces.h"
#include "protocol/base/asio.h"

namespace rdev::terminal {

// A descriptor to write, usually stdout or stderr, of any kind; see Input for why a thread does it.
// The thread starts with the first commit(). No SIGPIPE comes of it: a reader that has gone is
// Code::kClosed. The descriptor is borrowed.
class Output final {
 public:
  Output(const asio::any_io_executor& executor, int fd);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  // What is not flushed may be lost.
  ~Output();

  // Waits for room, to be filled and committed; the same again until then. The error is that of an
  // earlier write.
  awaitable<Result<asio::mutable_buffer>> room();
  // The first `size` bytes of what room() gave are to be written.
  Result<void> commit(std::size_t size);
  // Resolves when all has been written.
  awaitable<Result<void>> flush();
  // Resolves when a write has failed, which room() would say only when it is called next.
  awaitable<Error> failure();
  // To be called after flush(): who reads the descriptor comes to its end. It leads to /dev/null
  // from now on, so that its number is not taken by something else.
  Result<void> finish();

 private:
  int fd_;
  base::Notify woken_;
  std::shared_ptr<Pieces> pieces_;  // shared with the thread
};

}  // namespace rdev::terminal
