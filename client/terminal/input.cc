#include "client/terminal/input.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace rdev::terminal {
namespace {

// Blocks also on a descriptor that somebody else made non-blocking.
ssize_t read_some(int fd, char* to, std::size_t size) {
  for (;;) {
    const ssize_t n = ::read(fd, to, size);
    if (n < 0 && errno == EAGAIN) {
      pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (n >= 0 || errno != EINTR) {
      return n;
    }
  }
}

// The end is an empty piece.
void read_ahead(const std::shared_ptr<Pieces>& pieces, int fd) {
  auto lock = pieces->lock();
  for (std::size_t size = 1; size > 0;) {
    while (pieces->open() && !pieces->has_room()) {
      pieces->wait_for_loop(lock);
    }
    if (!pieces->open()) {
      return;
    }
    Pieces::Piece& piece = pieces->next();
    lock.unlock();
    const ssize_t n = read_some(fd, piece.bytes.get(), kPieceBytes);
    const int error = n < 0 && errno != EIO ? errno : 0;
    lock.lock();
    size = n > 0 ? static_cast<std::size_t>(n) : 0;
    piece.size = size;
    pieces->error = error;
    pieces->push();
    pieces->wake_loop();
  }
}

}  // namespace

Input::Input(const asio::any_io_executor& executor, int fd)
    : fd_(fd), woken_(executor), pieces_(std::make_shared<Pieces>(executor, woken_)) {}

Input::~Input() { pieces_->close(); }

awaitable<Result<std::string_view>> Input::next() {
  if (auto started = pieces_->start(read_ahead, fd_); !started) {
    co_return tl::make_unexpected(started.error());
  }
  auto lock = pieces_->lock();
  if (given_) {
    pieces_->pop();
    pieces_->wake_thread();
    given_ = false;
  }
  while (pieces_->full() == 0) {
    co_await pieces_->wait_for_thread(lock);
  }
  const Pieces::Piece& piece = pieces_->oldest();
  if (piece.size == 0 && pieces_->error != 0) {
    co_return fail_errno("cannot read the input", pieces_->error);
  }
  given_ = piece.size > 0;
  co_return std::string_view(piece.bytes.get(), piece.size);
}

}  // namespace rdev::terminal
