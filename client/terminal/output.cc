#include "client/terminal/output.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "protocol/base/fd.h"
#include "protocol/base/relay.h"

namespace rdev::terminal {
namespace {

// EPIPE is enough. A signal of the thread's own goes with the thread.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void write_behind(const std::shared_ptr<Pieces>& pieces, int fd) {
  block_sigpipe();
  auto lock = pieces->lock();
  for (;;) {
    while (pieces->open() && pieces->full() == 0) {
      pieces->wait_for_loop(lock);
    }
    if (!pieces->open()) {
      return;
    }
    const Pieces::Piece& piece = pieces->oldest();
    lock.unlock();
    const int error = base::write_all(fd, piece.bytes.get(), piece.size) ? 0 : errno;
    lock.lock();
    pieces->error = error;
    pieces->pop();
    pieces->wake_loop();
    if (error != 0) {
      return;
    }
  }
}

Error write_error(int error) {
  Error failed = fail_errno("cannot write the output", error).value();
  if (error == EPIPE) {
    failed.code = Code::kClosed;
  }
  return failed;
}

}  // namespace

Output::Output(const asio::any_io_executor& executor, int fd)
    : fd_(fd), woken_(executor), pieces_(std::make_shared<Pieces>(executor, woken_)) {}

Output::~Output() { pieces_->close(); }

awaitable<Result<asio::mutable_buffer>> Output::room() {
  auto lock = pieces_->lock();
  while (pieces_->error == 0 && !pieces_->has_room()) {
    co_await pieces_->wait_for_thread(lock);
  }
  if (pieces_->error != 0) {
    co_return tl::make_unexpected(write_error(pieces_->error));
  }
  co_return asio::buffer(pieces_->next().bytes.get(), kPieceBytes);
}

Result<void> Output::commit(std::size_t size) {
  const auto lock = pieces_->lock();
  pieces_->next().size = size;
  pieces_->push();
  pieces_->wake_thread();
  return pieces_->start(write_behind, fd_);
}

awaitable<Result<void>> Output::flush() {
  auto lock = pieces_->lock();
  while (pieces_->error == 0 && pieces_->full() > 0) {
    co_await pieces_->wait_for_thread(lock);
  }
  if (pieces_->error != 0) {
    co_return tl::make_unexpected(write_error(pieces_->error));
  }
  co_return Result<void>{};
}

awaitable<Error> Output::failure() {
  auto lock = pieces_->lock();
  while (pieces_->error == 0) {
    co_await pieces_->wait_for_thread(lock);
  }
  co_return write_error(pieces_->error);
}

Result<void> Output::finish() {
  const base::Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null || ::dup2(null.get(), fd_) < 0) {
    return fail_errno("cannot close the output");
  }
  return {};
}

}  // namespace rdev::terminal
