#pragma once

#include <memory>
#include <string_view>

#include "client/terminal/pieces.h"
#include "protocol/base/asio.h"

namespace rdev::terminal {

// A descriptor to read, usually stdin, of any kind: terminal, pipe, socket, file. A thread of its
// own reads ahead (two pieces at most), blocking: O_NONBLOCK is never set, since that would be for
// all processes that share the descriptor, and epoll takes no files. The thread starts with the
// first next(). A read that is pending when this is destroyed goes on, and what it gets is lost; it
// does not keep the process from ending. The descriptor is borrowed for that long.
class Input final {
 public:
  Input(const asio::any_io_executor& executor, int fd);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  // The next piece, valid until the next call; empty at the end, then always. A terminal that is
  // gone (EIO) is an end.
  awaitable<Result<std::string_view>> next();

 private:
  int fd_;
  bool given_ = false;  // the front piece is with the caller
  base::Notify woken_;
  std::shared_ptr<Pieces> pieces_;  // shared with the thread
};

}  // namespace rdev::terminal
