#include "client/terminal/pieces.h"

#include <boost/asio/post.hpp>
#include <system_error>
#include <thread>
#include <utility>

namespace rdev::terminal {

Pieces::Pieces(asio::any_io_executor executor, base::Notify& woken)
    : executor_(std::move(executor)), woken_(&woken) {}

Pieces::Piece& Pieces::next() {
  Piece& piece = pieces_[(first_ + full_) % pieces_.size()];
  if (piece.bytes == nullptr) {
    // Not cleared: pages that are never filled cost nothing.
    piece.bytes = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  }
  return piece;
}

void Pieces::pop() {
  first_ = (first_ + 1) % pieces_.size();
  --full_;
}

awaitable<void> Pieces::wait_for_thread(Lock& lock) {
  loop_waits_ = true;
  lock.unlock();
  co_await woken_->wait();
  lock.lock();
}

void Pieces::wake_loop() {
  if (!open_ || !std::exchange(loop_waits_, false)) {
    return;
  }
  asio::post(executor_, [self = shared_from_this()] {
    if (self->woken_ != nullptr) {
      self->woken_->notify();
    }
  });
}

void Pieces::close() {
  const Lock held = lock();
  open_ = false;
  woken_ = nullptr;
  wake_thread();
}

Result<void> Pieces::start(void (*body)(const std::shared_ptr<Pieces>& pieces, int fd), int fd) {
  if (started_) {
    return {};
  }
  try {
    std::thread(body, shared_from_this(), fd).detach();
  } catch (const std::system_error& error) {
    return fail_errno("cannot start a thread", error.code().value());
  }
  started_ = true;
  return {};
}

}  // namespace rdev::terminal
